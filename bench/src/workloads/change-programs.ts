import { ChangedRows, type CpuChange, randomRows } from '../data/changed-rows.ts'
import { requireClose, requireEqual } from '../data/expected-answers.ts'
import { cpuThreshold, mix, rangeRows } from '../data/metrics-data.ts'
import { collectGarbage } from '../run/collect-garbage.ts'
import { directoryBytes } from '../run/directory-bytes.ts'
import { type Repeated, repeatFor } from '../run/repeat-for.ts'
import type { Side } from '../sides/side.ts'
import type { Figures, Program, ProgramContext } from './program.ts'

const batchRows = 1000
const updatesMaxMs = 6000
const hostsPerChunk = 20

/** One column of half as many random rows as there are, batch after batch; or as many as a slow side gets done. */
export const updateRandom: Program = {
  startsFrom: 'copy',
  async run({ open, directory, rows }) {
    const side = await open({ directory, durability: 'write' })
    const model = new ChangedRows(rows)
    const wanted = Math.max(batchRows, rows / 2)
    collectGarbage()
    let count = 0
    let durationMs = 0
    while (count < wanted && durationMs < updatesMaxMs) {
      const places = Int32Array.from({ length: batchRows }, (_, i) => mix(count + i + 0x2f0b4c47) % rows)
      const begunMs = performance.now()
      await side.updateRows(changesOf(model, places, count))
      durationMs += performance.now() - begunMs
      count += batchRows
    }
    await filterOf(side, model)()
    await side.close()
    return { value: (count * 1000) / durationMs }
  },
}

/** Reads after a tenth of the rows was changed: as the changes lie after the update … */
export const readChanged: Program = changedProgram(async () => {})
/** … and once they are on disk: flushed, and not compacted by the product; settled by the others. */
export const readChangedFlushed: Program = changedProgram((side) => side.settle())

function changedProgram(then: (side: Side) => Promise<void>): Program {
  return {
    startsFrom: 'copy',
    async run({ open, directory, rows }: ProgramContext): Promise<Figures> {
      const side = await open({ directory, durability: 'write' })
      const model = new ChangedRows(rows)
      side.pauseMaintenance?.()
      await changeRows(side, model, randomRows(rows, Math.floor(rows / 10)))
      await then(side)
      const filter = await measureFilter(side, model)
      const groups = await measureGroups(side, model)
      const ranges = await measureRanges(side, model)
      await side.close()
      return {
        value: rows / (filter.medianMs / 1000),
        groups: rows / (groups.medianMs / 1000),
        ranges: hostsPerChunk * ranges.ratePerSecond,
      }
    },
  }
}

/** Changes every row once, in random order, brings all of it to where it is to stay, and says how large the closed store is. */
export const changeAll: Program = {
  startsFrom: 'copy',
  async run({ open, directory, rows }) {
    const side = await open({ directory, durability: 'write' })
    const model = new ChangedRows(rows)
    await changeRows(side, model, randomRows(rows, rows))
    await side.settle()
    await side.compact?.()
    await filterOf(side, model)()
    await side.close()
    return { value: await directoryBytes(directory) }
  },
}

export async function changeRows(side: Side, model: ChangedRows, places: Int32Array): Promise<void> {
  for (let from = 0; from < places.length; from += batchRows) {
    await side.updateRows(changesOf(model, places.subarray(from, from + batchRows), from))
  }
}

const measureFilter = (side: Side, model: ChangedRows) => repeatFor(filterOf(side, model))
const measureGroups = (side: Side, model: ChangedRows) => repeatFor(groupsOf(side, model))

/** The filter over the rows as the model has them now; wrong answers throw. */
export function filterOf(side: Side, model: ChangedRows): () => Promise<void> {
  const filter = model.filter()
  return async () => {
    const answer = await side.filterAggregate(cpuThreshold)
    requireEqual('count(*) of the filter over changed rows', answer.count, filter.count)
    requireClose('sum(cpu) of the filter over changed rows', answer.sum, filter.sum)
    requireClose('avg(mem) of the filter over changed rows', answer.avg, filter.avg)
  }
}

/** As `filterOf`, of sums by host. */
export function groupsOf(side: Side, model: ChangedRows): () => Promise<void> {
  const groups = model.groups()
  return async () => {
    const answer = await side.groupByHost()
    requireEqual('the number of groups', answer.length, groups.length)
    for (const { host, sum, avg } of answer) {
      requireClose(`sum(cpu) of host ${host} over changed rows`, sum, groups[host]?.sum ?? Number.NaN)
      requireClose(`avg(mem) of host ${host} over changed rows`, avg, groups[host]?.avg ?? Number.NaN)
    }
  }
}

async function measureRanges(side: Side, model: ChangedRows): Promise<Repeated> {
  const chunks = Array.from({ length: 50 }, (_, chunk) => {
    const hosts = Int32Array.from({ length: hostsPerChunk }, (_, i) => mix(chunk * hostsPerChunk + i) % model.hostCount)
    return { hosts, sum: hosts.reduce((sum, host) => sum + model.rangeSum(host, rangeRows), 0) }
  })
  return repeatFor(async (turn) => {
    const { hosts, sum } = chunks[turn % chunks.length] as (typeof chunks)[number]
    requireClose('the sum over ranges of changed rows', await side.readRanges(hosts, rangeRows), sum)
  })
}

/** The changes as objects; the model has them too. */
function changesOf(model: ChangedRows, places: Int32Array, seed: number): CpuChange[] {
  const changes = new Array<CpuChange>(places.length)
  for (let i = 0; i < places.length; i++) changes[i] = model.change(places[i] as number, seed + i + 0x1b56c4e9)
  return changes
}
