import { randomBytes } from 'node:crypto'
import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Database, type DatabaseConfig, defineTable, double, int32, open, string, type Table } from '../../../src/index.ts'
import { PiscinaWorkerPool } from '../../../src/maintenance/piscina-worker-pool.ts'
import { Clock, definePlugin, jobModule, WorkerPool } from '../../../src/plugin.ts'
import { mix } from '../data/metrics-data.ts'
import { directoryBytes } from '../run/directory-bytes.ts'
import { type Watched, watchEventLoop } from '../run/watch-event-loop.ts'
import type { Measure } from './measure.ts'
import type { WatchedJob, WatchedResult } from './watched-job.ts'

const mebibyte = 2 ** 20
/** Of the measure, for each of the bench's rows: 1 GB for the million that is the default. */
const rowsPerRow = 5
const updatesPerRow = 6
const noteLength = 200
const loads = 8
const loadRows = 50_000
const updateRows = 1000
/** Keys of the reads that find their rows in memory. */
const warmKeys = 10_000
const readsPerPart = 200
const readMs = 4000

const items = defineTable('items', { columns: { id: int32(), value: double(), note: string() }, primaryKey: ['id'] })
type Items = Table<typeof items>

const beside = [
  { name: 'warm', label: 'warm reads' },
  { name: 'scattered', label: 'reads of random keys' },
] as const
type Kind = (typeof beside)[number]['name']

interface Reads extends Watched {
  /** Of reads per second. */
  readonly rate: number
}

/**
 * Merges rowsets of 1 GB that overlap eight deep, and whose rows were each updated several times, all of which history keeps;
 * beside reads of rows that are in memory, beside reads of any rows, most of which are not, and alone, watching what the job
 * keeps alive: its blocks in flight and all else.
 */
export const mergingCompaction: Measure = {
  name: 'merging compaction beside reads',
  readings: [
    { figure: 'inputMiB', name: 'merging compaction: input', unit: 'MiB' },
    { figure: 'undo', name: 'merging compaction: entries of history', unit: 'entries' },
    { figure: 'peakMiB', name: 'merging compaction: memory held by its job, blocks included', unit: 'MiB', goal: { atMost: 32 } },
    ...beside.flatMap(({ name, label }) => [
      { figure: `${name}:seconds`, name: `merging compaction beside ${label}`, unit: 's' },
      { figure: `${name}:p99`, name: `event-loop delay p99, ${label} and a merge`, unit: 'ms', goal: { atMost: 10 } },
      { figure: `${name}:p99Alone`, name: `event-loop delay p99, ${label} alone`, unit: 'ms' },
      { figure: `${name}:max`, name: `event-loop delay max, ${label} and a merge`, unit: 'ms', goal: { atMost: 50 } },
      { figure: `${name}:rate`, name: `${label} beside a merge`, unit: 'reads/s' },
      { figure: `${name}:kept`, name: `${label} beside a merge ÷ without, before and after it`, unit: '×', goal: { atLeast: 0.8 } },
    ]),
  ],
  async run({ directory, rows: benchRows }) {
    const rows = benchRows * rowsPerRow
    const filled = join(directory, 'filled')
    const { db, table } = await openItems({ directory: join(directory, 'first') })
    await fill(db, table, rows, benchRows * updatesPerRow)
    await db.checkpoint(filled)
    await db.close()
    const copy = async (name: string) => {
      const to = join(directory, name)
      await cp(filled, to, { recursive: true })
      return to
    }
    const figures: Record<string, number> = {
      inputMiB: (await directoryBytes(filled)) / mebibyte,
      undo: benchRows * updatesPerRow,
      peakMiB: await peakOfMerge(await copy('watched')),
    }
    for (const { name } of beside) {
      const before = await readAlone(await copy(`${name}-before`), name, rows)
      const during = await mergeBeside(await copy(name), name, rows)
      // Once more: the machine's pace may drift by as much as the merge costs.
      const after = await readAlone(await copy(`${name}-after`), name, rows)
      for (const [figure, value] of Object.entries(besideFigures(during, [before, after]))) figures[`${name}:${figure}`] = value
    }
    return figures
  },
}

function besideFigures(during: Reads, alone: readonly [Reads, Reads]): Record<string, number> {
  const { durationMs, p99, max, rate } = during
  return {
    seconds: durationMs / 1000,
    p99,
    p99Alone: (alone[0].p99 + alone[1].p99) / 2,
    max,
    rate,
    kept: (2 * rate) / (alone[0].rate + alone[1].rate),
  }
}

/** Reads a database in which nothing else happens. */
async function readAlone(directory: string, kind: Kind, rows: number): Promise<Reads> {
  const { db, table } = await openItems({ directory })
  await warmUp(table, kind, rows)
  const reads = await readsWhile(table, kind, rows, forMs(readMs))
  await db.close()
  await rm(directory, { recursive: true })
  return reads
}

/** Reads a database while it merges all that it has. */
async function mergeBeside(directory: string, kind: Kind, rows: number): Promise<Reads> {
  const { db, table } = await openItems({ directory })
  await warmUp(table, kind, rows)
  let isCompacting = true
  const compacting = db.compact(table, { kind: 'merging' }).finally(() => {
    isCompacting = false
  })
  const reads = await readsWhile(table, kind, rows, () => isCompacting)
  await compacting
  await db.close()
  await rm(directory, { recursive: true })
  return reads
}

async function warmUp(table: Items, kind: Kind, rows: number): Promise<void> {
  if (kind === 'warm') for (let i = 0; i < warmKeys; i++) await table.get(warmKey(i, rows))
  await readsWhile(table, kind, rows, forMs(readMs / 2))
}

function forMs(durationMs: number): () => boolean {
  const untilMs = performance.now() + durationMs
  return () => performance.now() < untilMs
}

async function openItems(config: DatabaseConfig): Promise<{ db: Database; table: Items }> {
  const db = await open(config)
  db.maintenance.pause()
  return { db, table: await db.createTable(items, { ifNotExists: true }) }
}

/** Rowsets of interleaved keys, and updates of random rows, which lie in undo files at the end. */
async function fill(db: Database, table: Items, rows: number, updates: number): Promise<void> {
  for (let load = 0; load < loads; load++) {
    for (let from = load; from < rows; from += loads * loadRows) {
      const length = Math.min(loadRows, Math.ceil((rows - from) / loads))
      const id = Int32Array.from({ length }, (_, i) => from + i * loads)
      const noise = randomBytes((length * noteLength) / 2).toString('hex')
      const note = Array.from({ length }, (_, i) => noise.slice(i * noteLength, (i + 1) * noteLength))
      await table.insertColumns({ id, value: Float64Array.from(id, mix), note })
    }
    await db.flush(table)
  }
  for (let done = 0; done < updates; done += updateRows) {
    const changes = Array.from({ length: updateRows }, (_, i) => ({ id: mix(done + i) % rows, value: mix(done + i + 0x51ed270b) }))
    await table.update(changes)
    if (done % Math.ceil(updates / 10) < updateRows) await db.flush(table)
  }
  await db.compact(table, { kind: 'major-delta' })
}

function warmKey(i: number, rows: number): number {
  return mix(i + 0x3a5c1e77) % rows
}

/** How many reads were made: random keys go on where the last reads ended, or those that warmed up would be measured again, by now in memory. */
let readCount = 0

/** Reads one row after the other. */
async function readsWhile(table: Items, kind: Kind, rows: number, goesOn: () => boolean): Promise<Reads> {
  const keyOf = kind === 'warm' ? (i: number) => warmKey(mix(i) % warmKeys, rows) : (i: number) => mix(i + 0x2c1b3c6d) % rows
  const before = readCount
  const watched = await watchEventLoop(async () => {
    while (goesOn()) {
      for (let i = 0; i < readsPerPart; i++) {
        const id = keyOf(readCount++)
        if ((await table.get(id))?.id !== id) throw new Error(`Row ${id} is missing.`)
      }
    }
  })
  return { ...watched, rate: ((readCount - before) * 1000) / watched.durationMs }
}

/** Merges with a job that is watched: the most that it held, in MiB. */
async function peakOfMerge(directory: string): Promise<number> {
  let peakBytes = 0
  const watchedPool = definePlugin({
    name: 'watched-worker-pool',
    provides: [WorkerPool],
    bind(module) {
      module.provide(WorkerPool, [Clock], (clock): WorkerPool => {
        const pool = new PiscinaWorkerPool({ clock, threads: 1 })
        return {
          name: 'watched-worker-pool',
          close: () => pool.close(),
          async run<R>(job: Parameters<WorkerPool['run']>[0], o: { signal: AbortSignal }): Promise<R> {
            const data: WatchedJob = { module: String(job.module), data: job.data }
            const { result, peakBytes: bytes } = await pool.run<WatchedResult>({ ...job, module: watchedJob, data }, o)
            peakBytes = Math.max(peakBytes, bytes)
            return result as R
          },
        }
      })
    },
  })
  const { db, table } = await openItems({ directory, plugins: [watchedPool] })
  await db.compact(table, { kind: 'merging' })
  await db.close()
  return peakBytes / mebibyte
}

const watchedJob = jobModule(import.meta.url, './watched-job')
