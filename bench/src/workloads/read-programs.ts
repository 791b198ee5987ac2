import { expectedAnswers, requireClose, requireEqual, rowSum } from '../data/expected-answers.ts'
import { columnsOf, cpuThreshold, hostCountOf, mix, rangeRows, rowsOf } from '../data/metrics-data.ts'
import { repeatFor } from '../run/repeat-for.ts'
import type { PointKeys, Side } from '../sides/side.ts'
import type { Program, ProgramContext } from './program.ts'

const keysPerChunk = 500
const chunkCount = 400
const keysPerCall = 100
const hostsPerChunk = 20

/** Keys to read in one go, and the answer to expect. */
interface KeyChunk {
  readonly keys: PointKeys
  readonly sum: number
}

export const readEach = pointReads((side, keys) => side.readEach(keys))
export const readEachSync = pointReads(async (side, keys) => present(side.readEachSync).call(side, keys))
export const readMany = pointReads((side, keys) => present(side.readMany).call(side, keys, keysPerCall))

/** The bytes of values; a side that hands out rows only (the product) reads rows. */
export const readRaw: Program = loadedProgram(async (side, { rows }) => {
  const chunks = keyChunks(rows)
  const { readRaw: read } = side
  if (!read) return measurePointReads(chunks, (keys) => side.readEach(keys))
  const perChunk = await repeatFor((turn) => {
    const bytes = read.call(side, chunkAt(chunks, turn).keys)
    if (bytes < keysPerChunk * 20) throw new Error(`Wrong answer: ${bytes} bytes of values.`)
  })
  return keysPerChunk * perChunk.ratePerSecond
})

/** The first rows of random hosts, in order of time. */
export const readRanges: Program = loadedProgram(async (side, { rows }) => {
  const hostCount = hostCountOf(rows)
  const chunks = Array.from({ length: chunkCount }, (_, chunk) => {
    const hosts = Int32Array.from({ length: hostsPerChunk }, (_, i) => mix(chunk * hostsPerChunk + i) % hostCount)
    return { hosts, sum: hosts.reduce((sum, host) => sum + rangeSum(host, hostCount, rows), 0) }
  })
  const perChunk = await repeatFor(async (turn) => {
    const { hosts, sum } = chunks[turn % chunkCount] as (typeof chunks)[number]
    requireClose('the sum over ranges', await side.readRanges(hosts, rangeRows), sum)
  })
  return hostsPerChunk * perChunk.ratePerSecond
})

/** count, sum and avg where cpu > threshold: rows of the table a second. */
export const filterAggregate: Program = loadedProgram(async (side, { rows }) => {
  const { filter } = expectedAnswers(rows)
  const perQuery = await repeatFor(async () => {
    const answer = await side.filterAggregate(cpuThreshold)
    requireEqual('count(*) of the filter', answer.count, filter.count)
    requireClose('sum(cpu) of the filter', answer.sum, filter.sum)
    requireClose('avg(mem) of the filter', answer.avg, filter.avg)
  })
  return rows / (perQuery.medianMs / 1000)
})

/** sum and avg by host: rows of the table a second. */
export const groupByHost: Program = loadedProgram(async (side, { rows }) => {
  const { groups } = expectedAnswers(rows)
  const perQuery = await repeatFor(async () => {
    const answer = await side.groupByHost()
    requireEqual('the number of groups', answer.length, groups.length)
    for (const { host, sum, avg } of answer) {
      requireClose(`sum(cpu) of host ${host}`, sum, groups[host]?.sum ?? Number.NaN)
      requireClose(`avg(mem) of host ${host}`, avg, groups[host]?.avg ?? Number.NaN)
    }
  })
  return rows / (perQuery.medianMs / 1000)
})

/** Every column of every row. */
export const scanAll: Program = loadedProgram(async (side, { rows }) => {
  const { scanSum } = expectedAnswers(rows)
  const perScan = await repeatFor(async () => requireClose('the sum over a full scan', await side.scanAll(), scanSum))
  return rows / (perScan.medianMs / 1000)
})

function pointReads(read: (side: Side, keys: PointKeys) => Promise<number>): Program {
  return loadedProgram((side, { rows }) => measurePointReads(keyChunks(rows), (keys) => read(side, keys)))
}

async function measurePointReads(chunks: readonly KeyChunk[], read: (keys: PointKeys) => Promise<number>): Promise<number> {
  const perChunk = await repeatFor(async (turn) => {
    const { keys, sum } = chunkAt(chunks, turn)
    requireClose('the sum over rows read by key', await read(keys), sum)
  })
  return keysPerChunk * perChunk.ratePerSecond
}

function loadedProgram(measure: (side: Side, context: ProgramContext) => Promise<number>): Program {
  return {
    startsFrom: 'loaded',
    async run(context) {
      const side = await context.open({ directory: context.directory, durability: 'write' })
      const value = await measure(side, context)
      await side.close()
      return { value }
    },
  }
}

/** Random keys, the same for every side, spread over all rows. */
function keyChunks(rows: number): KeyChunk[] {
  const hostCount = hostCountOf(rows)
  return Array.from({ length: chunkCount }, (_, chunk) => {
    const keys = { hosts: new Int32Array(keysPerChunk), ats: new Float64Array(keysPerChunk) }
    let sum = 0
    for (let i = 0; i < keysPerChunk; i++) {
      const row = singleRow(mix(chunk * keysPerChunk + i) % rows, hostCount)
      keys.hosts[i] = row.host
      keys.ats[i] = row.at
      sum += rowSum(row)
    }
    return { keys, sum }
  })
}

function rangeSum(host: number, hostCount: number, rows: number): number {
  let sum = 0
  for (let i = 0; i < rangeRows; i++) {
    const row = host + i * hostCount
    if (row < rows) sum += rowSum(singleRow(row, hostCount))
  }
  return sum
}

function singleRow(row: number, hostCount: number) {
  const [made] = rowsOf(columnsOf(hostCount, row, row + 1), 0, 1)
  return present(made)
}

function chunkAt(chunks: readonly KeyChunk[], turn: number): KeyChunk {
  return present(chunks[turn % chunks.length])
}

function present<V>(value: V | undefined): V {
  if (value === undefined) throw new Error('This side has no such call.')
  return value
}
