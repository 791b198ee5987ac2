/**
 * The bench. Steps: (1) compile the product and the processes of the bench; (2) try each peer; (3) run programs and
 * measures, each run in a fresh process; (4) print tables, write JSON and a page with a chart to bench/results.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join, resolve } from 'node:path'
import type { Measure } from './alone/measure.ts'
import { measures } from './alone/measures.ts'
import { type BenchOptions, readOptions } from './options.ts'
import { chartPage } from './report/chart.ts'
import { jsonLines } from './report/json.ts'
import { type Line, notesOf } from './report/line.ts'
import { aloneTable, comparisonTable } from './report/table.ts'
import { peersNotAtHand } from './run/peers-at-hand.ts'
import { runMeasures } from './run/run-measures.ts'
import { runPrograms } from './run/run-programs.ts'
import { resultsDirectory, Workshop } from './run/workshop.ts'
import { buildProduct } from './setup/build-product.ts'
import { peerNames } from './sides/side.ts'
import { type Workload, workloads } from './workloads/workloads.ts'

const options = readOptions(process.argv)
const chosen = choose(options, measures)
if (options.list) list(chosen)
else process.exitCode = await bench(options, chosen)

interface Chosen {
  readonly workloads: readonly Workload[]
  readonly measures: readonly Measure[]
}

async function bench(o: BenchOptions, chosen: Chosen): Promise<number> {
  const begunMs = Date.now()
  const workshop = new Workshop(o)
  try {
    progress('compiling')
    buildProduct()
    const wanted = o.peers && chosen.workloads.length > 0 ? peerNames.filter((peer) => o.sides?.includes(peer) ?? true) : []
    const absent = await peersNotAtHand(workshop, wanted)
    const compared = await runPrograms({ workshop, workloads: chosen.workloads, rounds: o.rounds, absent, progress })
    const alone = await runMeasures({ workshop, measures: chosen.measures, rounds: o.rounds, progress })
    progress('')
    await report(o, { compared, alone, minutes: (Date.now() - begunMs) / 60_000 })
    const lines = [...compared, ...alone]
    const failed = lines.some(({ missing }) => Object.values(missing).some(({ word }) => word === 'failed'))
    return failed || (o.strict && lines.some(({ met }) => met === false)) ? 1 : 0
  } finally {
    await workshop.clear()
  }
}

async function report(o: BenchOptions, run: { compared: Line[]; alone: Line[]; minutes: number }): Promise<void> {
  const [cpu] = cpus()
  const heading =
    `${o.rows.toLocaleString('en')} rows, medians of ${o.rounds} ${o.rounds === 1 ? 'round' : 'rounds'}, ` +
    `Node.js ${process.version}, ${cpus().length} × ${cpu?.model.trim()}, ${new Date().toISOString().slice(0, 10)}`
  const notes = notesOf([...run.compared, ...run.alone])
  process.stdout.write(`${heading}\n`)
  if (run.compared.length > 0) process.stdout.write(`${comparisonTable(run.compared)}\n`)
  if (run.alone.length > 0) process.stdout.write(`${aloneTable(run.alone)}\n`)
  for (const note of notes) process.stdout.write(`- ${note}\n`)
  process.stdout.write(`${run.minutes.toFixed(1)} minutes.\n`)
  const lines = [...run.compared, ...run.alone]
  await mkdir(resultsDirectory, { recursive: true })
  await writeFile(join(resultsDirectory, 'bench.json'), `${JSON.stringify(jsonLines(lines), undefined, 2)}\n`)
  if (run.compared.some(({ ratio }) => ratio !== undefined)) {
    await writeFile(join(resultsDirectory, 'bench.html'), chartPage(run.compared, { heading, notes }))
    process.stdout.write('Chart: bench/results/bench.html\n')
  }
  // npm runs scripts in the package's directory; the file is meant relative to where npm was started.
  if (o.json !== undefined)
    await writeFile(resolve(process.env['INIT_CWD'] ?? '.', o.json), `${JSON.stringify(jsonLines(lines), undefined, 2)}\n`)
}

function choose(o: BenchOptions, all: readonly Measure[]): Chosen {
  const asked = (name: string) => o.only.length === 0 || o.only.some((part) => name.includes(part))
  const found = {
    workloads: workloads.filter(({ name }) => asked(name)),
    measures: o.alone ? all.filter(({ name, readings }) => asked(name) || readings.some((reading) => asked(reading.name))) : [],
  }
  if (found.workloads.length + found.measures.length === 0) {
    process.stderr.write(`No line's name contains ${o.only.join(' or ')}. All names: npm run bench -- --list\n`)
    process.exit(2)
  }
  return found
}

function list({ workloads: found, measures: alone }: Chosen): void {
  for (const { name } of found) process.stdout.write(`${name}\n`)
  for (const { readings } of alone) for (const { name } of readings) process.stdout.write(`${name}\n`)
}

/** One line that changes, on a terminal; lines, elsewhere. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[2K${text}`)
  else if (text !== '') process.stderr.write(`${text}\n`)
}
