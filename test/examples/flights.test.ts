import { exec } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import anyTest, { type TestFn } from 'ava'
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { defineTable, int32, open } from '../../src/index.ts'
import { runExample } from '../support/run-example.ts'

const test = anyTest as TestFn<{ directory: string; flights: Flight[] }>
const root = fileURLToPath(new URL('../../', import.meta.url))
const rowCount = 60_000

interface Flight {
  readonly date: Date
  readonly delay: bigint
  readonly distance: bigint
  readonly origin: string
  readonly destination: string
}

interface Report {
  readonly replaced: boolean
  readonly import: { readonly rows: number; readonly flushes: readonly { readonly rows: number; readonly sstables: number }[] }
  readonly answers: readonly { readonly question: string; readonly rows: readonly Record<string, string | number>[] }[]
  readonly changed: {
    readonly changes: readonly { readonly name: string; readonly call: string; readonly rows: number; readonly durationMs: number }[]
    readonly reads: readonly {
      readonly when: string
      readonly rows: number
      readonly aggregateRowsPerSecond: number
      readonly scanRowsPerSecond: number
      readonly changesToApply: number
    }[]
    readonly compactMs: number
    readonly readBack: { readonly rows: number; readonly count: number; readonly checksum: string }
    readonly pictures: { readonly changed: string; readonly compacted: string }
  }
  readonly source: { readonly rows: number; readonly checksum: string }
  readonly corrected: { readonly rows: number; readonly checksum: string }
  readonly readBack: { readonly rows: number; readonly count: number; readonly checksum: string }
  readonly verified: boolean
}

test.before(async (t) => {
  t.timeout(120_000)
  const directory = await mkdtemp(join(tmpdir(), 'varve-flights-'))
  const path = fileURLToPath(new URL('../data/flights-3m.parquet', import.meta.resolve('vega-datasets')))
  const file = await asyncBufferFromFile(path)
  const flights = (await parquetReadObjects({ file, compressors, rowStart: 0, rowEnd: rowCount })) as unknown as Flight[]
  t.context = { directory, flights }
})

test.after.always((t) => rm(t.context.directory, { recursive: true, force: true }))

async function report(directory: string): Promise<Report> {
  const { stdout, stderr, exitCode } = await runExample(
    'flights/main.ts',
    ['--rows', String(rowCount), '--json', '--directory', directory],
    directory.slice(0, directory.lastIndexOf('/')),
  )
  if (exitCode !== 0) throw new Error(stderr)
  return JSON.parse(stdout) as Report
}

/** Flights and mean delay by what `keyOf` says, worst first, for groups of `flightsMin` or more. */
function delays(flights: readonly Flight[], keyOf: (flight: Flight) => string, flightsMin: number) {
  const groups = new Map<string, { flights: number; minutes: number }>()
  for (const flight of flights) {
    const group = groups.get(keyOf(flight)) ?? { flights: 0, minutes: 0 }
    groups.set(keyOf(flight), group)
    group.flights++
    group.minutes += Number(flight.delay)
  }
  return [...groups]
    .filter(([, group]) => group.flights >= flightsMin)
    .map(([key, group]) => ({ key, flights: group.flights, mean: group.minutes / group.flights }))
    .sort((a, b) => b.mean - a.mean || (a.key < b.key ? -1 : 1))
}

test.serial('the main job, run twice, gives the answers that a plain computation gives, and leaves what it imported', async (t) => {
  t.timeout(120_000)
  const { flights } = t.context
  const directory = join(t.context.directory, 'twice')
  const first = await report(directory)
  const second = await report(directory)
  t.false(first.replaced)
  t.true(second.replaced)
  for (const run of [first, second]) {
    t.true(run.verified)
    t.is(run.import.rows, rowCount)
    t.is(run.source.rows, rowCount)
    t.not(run.corrected.checksum, run.source.checksum)
    for (const { rows, count, checksum } of [run.changed.readBack, run.readBack])
      t.deepEqual({ rows, count, checksum }, { rows: run.corrected.rows, count: run.corrected.rows, checksum: run.corrected.checksum })
    t.is(
      run.import.flushes.reduce((sum, { rows }) => sum + rows, 0),
      rowCount,
    )
  }
  t.deepEqual(
    first.answers.map(({ rows }) => rows),
    second.answers.map(({ rows }) => rows),
  )

  const [busiest, origins, routes, late, months, ten] = first.answers.map(({ rows }) => rows)
  const departures = delays(flights, ({ origin }) => origin, 1).sort((a, b) => b.flights - a.flights || (a.key < b.key ? -1 : 1))
  t.deepEqual(
    busiest,
    departures.slice(0, 10).map(({ key, flights }) => ({ origin: key, departures: flights })),
  )
  t.deepEqual(
    origins,
    delays(flights, ({ origin }) => origin, 20)
      .slice(0, 10)
      .map(({ key, flights, mean }) => ({ origin: key, flights, meanDelayMinutes: mean })),
  )
  t.deepEqual(
    routes,
    delays(flights, ({ origin, destination }) => `${origin} ${destination}`, 10)
      .slice(0, 10)
      .map(({ key, flights, mean }) => ({ origin: key.slice(0, 3), destination: key.slice(4), flights, meanDelayMinutes: mean })),
  )
  const lateCount = flights.filter(({ delay }) => delay > 60n).length
  t.deepEqual(late, [{ flights: rowCount, late: lateCount, sharePercent: (100 * lateCount) / rowCount }])
  t.deepEqual(
    months,
    delays(flights, ({ date }) => date.toISOString().slice(0, 7), 1)
      .sort((a, b) => (a.key < b.key ? -1 : 1))
      .map(({ key, flights, mean }) => ({ month: key, flights, meanDelayMinutes: mean })),
  )
  t.deepEqual(
    ten,
    [3000, 9000, 15_000, 21_000, 27_000, 33_000, 39_000, 45_000, 51_000, 57_000].map((number) => {
      const flight = flights[number] as Flight
      const { date, delay, distance, origin, destination } = flight
      return { number, date: date.toISOString().slice(0, 16), delay: Number(delay), distance: Number(distance), origin, destination }
    }),
  )
})

test.serial('what was corrected and deleted is what a plain computation says, and compaction has applied all of it', async (t) => {
  t.timeout(120_000)
  const directory = join(t.context.directory, 'changed')
  const { changed, corrected } = await report(directory)
  const counts = { onTime: 0, atGate: 0, tooShort: 0, trial: 0 }
  const expected = new Map<number, number>()
  for (const [number, { origin, delay, distance }] of t.context.flights.entries()) {
    let minutes = Number(delay)
    if (origin === 'ORD' && minutes < 0) {
      minutes = 0
      counts.onTime++
    }
    if (origin === 'LAX') {
      minutes += 4
      counts.atGate++
    }
    if (distance < 120n) counts.tooShort++
    else if (number % 1000 === 500) counts.trial++
    else expected.set(number, minutes)
  }
  t.deepEqual(Object.fromEntries(changed.changes.map(({ name, rows }) => [name, rows])), counts)
  t.true(Object.values(counts).every((count) => count > 0))
  t.is(corrected.rows, expected.size)

  const db = await open({ directory, readOnly: true })
  t.teardown(() => db.close())
  const rows = (await db
    .table('flights')
    .scan({ columns: ['number', 'delay'], order: 'key' })
    .toArray()) as { number: number; delay: number }[]
  t.deepEqual(
    rows.map(({ number, delay }) => [number, delay]),
    [...expected],
  )

  const [before, after, compacted] = changed.reads
  t.like(before, { when: 'before', rows: rowCount, changesToApply: 0 })
  t.like(after, { when: 'changed', rows: expected.size })
  t.true((after?.changesToApply ?? 0) > 0)
  t.like(compacted, { when: 'compacted', rows: expected.size, changesToApply: 0 })
  t.is(db.table('flights').stats().diskRows, expected.size)
  for (const read of changed.reads) t.true(read.aggregateRowsPerSecond > 0 && read.scanRowsPerSecond > 0)
  t.regex(await readFile(changed.pictures.compacted, 'utf8'), / · 0 changes to apply · /)
  for (const path of Object.values(changed.pictures)) {
    t.is(dirname(path), directory)
    t.regex(await readFile(path, 'utf8'), /^<svg [\s\S]*<rect class="rowset"[\s\S]*<\/svg>\n$/)
  }
})

test.serial('for people it prints tables and no control characters, and ends with commands that work on what it leaves', async (t) => {
  t.timeout(120_000)
  const directory = join(t.context.directory, 'for people')
  const pictures = join(t.context.directory, 'pictures')
  const { stdout, stderr, exitCode } = await runExample(
    'flights/main.ts',
    ['--rows', '3000', '--directory', directory, '--pictures', pictures],
    root,
  )
  t.is(exitCode, 0, stderr)
  t.regex(stdout, /Imported 3,000 flights in /)
  t.regex(stdout, /│ flights │ +late │ share percent │/)
  t.regex(stdout, /│ flights below 120 miles go +│ deleteWhere │ +\d+ │/)
  t.regex(stdout, /│ before the changes │[\s\S]*│ after them +│[\s\S]*│ compacted +│/)
  t.true(
    stdout.includes(`Pictures of the rowsets: ${join(pictures, 'rowsets-changed.svg')} and ${join(pictures, 'rowsets-compacted.svg')}`),
  )
  t.deepEqual((await readdir(pictures)).sort(), ['rowsets-changed.svg', 'rowsets-compacted.svg'])
  t.regex(stdout, /They are what the source holds, so corrected: 2,\d{3} rows, checksum [0-9a-f]{16}\./)
  t.regex(stderr, /^Importing flights: 3,000 of 3,000 rows$/m)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there.
  t.notRegex(stdout + stderr, /[\u0000-\u0009\u000b-\u001f]/)
  const commands = [...stdout.matchAll(/^ {2}(node .+)$/gm)].map(([, command]) => command as string)
  t.is(commands.length, 3)
  // One after the other: each locks the directory.
  const stats = await promisify(exec)(commands[0] as string, { cwd: root })
  const rowsets = await promisify(exec)(commands[1] as string, { cwd: root })
  const scan = await promisify(exec)(commands[2] as string, { cwd: root })
  t.regex(stats.stdout, /flights/)
  t.regex(rowsets.stdout, /flights\/0: 1 rowset, average height 1\.00/)
  t.regex(scan.stdout, /SEA/)
})

test.serial('Ctrl-C ends an import in order, and the next run begins anew', async (t) => {
  t.timeout(120_000)
  const directory = join(t.context.directory, 'interrupted')
  const interrupted = await runExample('flights/main.ts', ['--rows', '600000', '--directory', directory], root, (child) =>
    child.stderr?.once('data', () => child.kill('SIGINT')),
  )
  t.is(interrupted.exitCode, 130, interrupted.stderr)
  t.regex(interrupted.stderr, /^ABORTED: /m)
  const left = await open(directory)
  t.teardown(() => left.close())
  const count = await left.table('flights').count()
  t.true(count >= 100_000 && count < 600_000, String(count))
  await left.close()
  const next = await runExample('flights/main.ts', ['--rows', '1000', '--json', '--directory', directory], root)
  t.is(next.exitCode, 0, next.stderr)
  t.like(JSON.parse(next.stdout), { replaced: true, verified: true, source: { rows: 1000 } })
})

test.serial('a table called flights that is not of its making is left alone', async (t) => {
  t.timeout(60_000)
  const directory = join(t.context.directory, 'foreign')
  const db = await open(directory)
  const table = await db.createTable(defineTable('flights', { columns: { id: int32() }, primaryKey: ['id'] }))
  await table.insert({ id: 7 })
  await db.close()
  const run = await runExample('flights/main.ts', ['--rows', '10', '--directory', directory], t.context.directory)
  t.is(run.exitCode, 1)
  t.regex(run.stderr, /^SCHEMA_MISMATCH: /)
  const again = await open(directory)
  t.teardown(() => again.close())
  t.is(await again.table('flights').count(), 1)
})

test.serial('a directory of other files is refused and left as it was', async (t) => {
  const directory = await mkdtemp(join(t.context.directory, 'other-'))
  await writeFile(join(directory, 'letters.txt'), 'Dear Ann')
  const run = await runExample('flights/main.ts', ['--rows', '10', '--directory', directory], t.context.directory)
  t.is(run.exitCode, 1)
  t.regex(run.stderr, /^DATABASE_NOT_FOUND: .*letters\.txt/)
  t.deepEqual(await readdir(directory), ['letters.txt'])
})

test.serial('a number of rows that is none is refused with what to give', async (t) => {
  for (const rows of ['0', '1e3']) {
    const run = await runExample('flights/main.ts', [`--rows=${rows}`], t.context.directory)
    t.is(run.exitCode, 1, rows)
    t.regex(run.stderr, /whole number of at least 1/, rows)
  }
})
