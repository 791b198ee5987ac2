/**
 * Imports 3,000,000 US flights, asks six questions of them, corrects and deletes some, compacts the table, closes the
 * database, opens it again and checks that it gives back what it should. Run by `npm start`; `npm start -- --help` shows the
 * options.
 */
import { Command, InvalidArgumentError } from 'commander'
import { type Database, open, VarveError } from 'varve'
import { WorkerPool } from 'varve/plugin'
import { changePhase } from './change-phase.ts'
import { FlightsSource } from './flights-source.ts'
import { type FlightsTable, flights } from './flights-table.ts'
import { importFlights } from './import-flights.ts'
import { answerAll } from './questions.ts'
import { answerText, changesText, type FlightsReport, importText, time, verificationText } from './report.ts'
import { type ReadBack, readBack } from './verify-flights.ts'

interface Options {
  readonly rows: number
  readonly directory: string
  /** Where pictures go; default: the database's directory. */
  readonly pictures?: string
  readonly json: boolean
}

/** What a shell reports of a program that Ctrl-C ended. */
const interruptedExitCode = 130

const command = new Command('flights')
  .description('Imports US flights into a table, asks questions of them, changes some, and checks what it reads back.')
  .option('--rows <count>', 'how many flights to import, of 3,000,000', wholeNumber, 3_000_000)
  .option('--directory <path>', 'where the database lies; its table "flights" is replaced', './flights-db')
  .option('--pictures <path>', 'where pictures of the rowsets are written (default: the directory of the database)')
  .option('--json', 'print one JSON document instead of tables', false)
  .action(run)

try {
  await command.parseAsync()
} catch (error) {
  if (!(error instanceof VarveError)) throw error
  console.error(`${error.code}: ${error.message}`)
  process.exitCode = error.code === 'ABORTED' ? interruptedExitCode : 1
}

async function run(options: Options): Promise<void> {
  const say = (text: string) => {
    if (!options.json) console.log(`${text}\n`)
  }
  const report = await flightsReport(options, say)
  say(verificationText(report))
  say(
    `All of it took ${time(report.totalMs)}. The database is left in ${options.directory}. Look at it:\n${nextCommands(options.directory)}`,
  )
  if (options.json) console.log(JSON.stringify(report, undefined, 2))
  if (!report.verified) process.exitCode = 1
}

async function flightsReport({ directory, rows, pictures = directory }: Options, say: (text: string) => void): Promise<FlightsReport> {
  const begunMs = performance.now()
  // Nobody asks what flights looked like before they were corrected: compaction need not keep it.
  let db = await open({ directory, history: { retentionMs: 0 } })
  try {
    const { table, replaced } = await emptyTable(db)
    if (replaced) say(`${directory} held the flights of an earlier run; they are replaced.`)
    const source = await FlightsSource.open(rows, db.service(WorkerPool))
    const imported = await importFlights(db, table, source)
    say(importText(imported))
    const answers = await answerAll(table, source.rowCount)
    for (const answer of answers) say(answerText(answer))
    const changed = await changePhase(db, table, { rowCount: source.rowCount, pictures })
    say(changesText(changed))

    const closingMs = performance.now()
    await db.close()
    db = await open(directory)
    const reopenMs = performance.now() - closingMs
    const read = await readBack(db.table(flights))
    const { asTheyAre, corrected } = source
    const isRight = ({ rows, count, checksum }: ReadBack) => rows === corrected.rows && count === rows && checksum === corrected.checksum
    const counted = changed.changes.every(({ name, rows }) => rows === corrected.corrections[name])
    return {
      directory,
      replaced,
      import: imported,
      answers,
      reopenMs,
      changed,
      source: asTheyAre,
      corrected,
      readBack: read,
      verified: imported.rows === asTheyAre.rows && counted && isRight(changed.readBack) && isRight(read),
      totalMs: performance.now() - begunMs,
    }
  } finally {
    await db.close()
  }
}

/** An empty table of flights. One that an earlier run left is dropped; one that another program made is not (SCHEMA_MISMATCH). */
async function emptyTable(db: Database): Promise<{ table: FlightsTable; replaced: boolean }> {
  const replaced = db.tables().some(({ name }) => name === flights.name)
  if (replaced) await db.dropTable(db.table(flights))
  return { table: await db.createTable(flights), replaced }
}

/** What to type next, from the root of this project. */
function nextCommands(directory: string): string {
  const varve = 'node --import=tsx src/cli/main.ts'
  const quoted = /^[\w./-]+$/.test(directory) ? directory : JSON.stringify(directory)
  const commands = ['stats', 'rowsets', 'scan --where "origin = SEA and delay > 120" --limit 5']
  return commands.map((command) => `  ${varve} ${command} --directory ${quoted}`).join('\n')
}

function wholeNumber(text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < 1) throw new InvalidArgumentError('Give a whole number of at least 1.')
  return value
}
