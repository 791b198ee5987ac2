import Table from 'cli-table3'
import type { ChangePhase } from './change-phase.ts'
import type { FlightsSource, SourceTotals } from './flights-source.ts'
import type { ImportResult } from './import-flights.ts'
import type { Answer, AnswerRow } from './questions.ts'
import type { ReadBack } from './verify-flights.ts'

/** All that one run found out; printed as it is with `--json`. */
export interface FlightsReport {
  readonly directory: string
  /** Whether flights of an earlier run were replaced. */
  readonly replaced: boolean
  readonly import: ImportResult
  readonly answers: readonly Answer[]
  readonly changed: ChangePhase
  /** To close the database and open it again. */
  readonly reopenMs: number
  readonly source: SourceTotals
  /** The source's rows with every correction made. */
  readonly corrected: FlightsSource['corrected']
  readonly readBack: ReadBack
  /** Whether the changes and what was read back, before compaction and after reopening, are what the source says. */
  readonly verified: boolean
  readonly totalMs: number
}

/** The import and what maintenance did meanwhile. */
export function importText({ rows, insertMs, flushMs, flushes, stallMs }: ImportResult): string {
  const perSecond = Math.round(rows / (insertMs / 1000))
  const lines = [
    `Imported ${whole(rows)} flights in ${time(insertMs)}, parquet decoding included: ${whole(perSecond)} rows a second.`,
    `Maintenance flushed them as they came, and what was left in ${time(flushMs)} afterwards. ${stallMs > 0 ? `Writes were held back for ${time(stallMs)}.` : 'No write was held back.'}`,
  ]
  const shown = flushes.map(({ reason, sstables, rows, sizeBytes, durationMs }) => ({
    'flushed because': reason,
    rows,
    sstables,
    size: megabytes(sizeBytes),
    took: time(durationMs),
  }))
  return [...lines, tableText(shown)].join('\n')
}

/** A question, its answer and how long it took. */
export function answerText({ question, rows, firstMs, againMs }: Answer): string {
  return `${question}   ${time(firstMs)}, again ${time(againMs)}\n${tableText(rows)}`
}

/** The changes, and how reading went before them, after them, and once compaction had done its part. */
export function changesText({ changes, reads, compactMs, pictures }: ChangePhase): string {
  const made = changes.map(({ what, call, rows, durationMs }) => ({
    change: what,
    call,
    rows,
    took: time(durationMs),
    rowsASecond: Math.round((rows * 1000) / durationMs),
  }))
  const states = { before: 'before the changes', changed: 'after them', compacted: 'compacted' }
  const read = reads.map(({ when, rows, aggregateRowsPerSecond, scanRowsPerSecond, rowsets, height, changesToApply, sizeBytes }) => ({
    'rows a second': states[when],
    meanDelayByOrigin: Math.round(aggregateRowsPerSecond),
    allColumns: Math.round(scanRowsPerSecond),
    rows,
    rowsets,
    height: height.toFixed(2),
    changesToApply,
    size: megabytes(sizeBytes),
  }))
  return [
    'Then some flights were corrected, and others deleted.',
    tableText(made),
    `Compaction took ${time(compactMs)}. What reading is like:`,
    tableText(read),
    `Pictures of the rowsets: ${pictures.changed} and ${pictures.compacted}`,
  ].join('\n')
}

/** Whether the data came back whole. */
export function verificationText({ corrected, readBack, verified, reopenMs }: FlightsReport): string {
  const reopened = `Closed and opened again in ${time(reopenMs)}, then read every column of ${whole(readBack.rows)} rows in ${time(readBack.durationMs)}.`
  const verdict = verified
    ? `They are what the source holds, so corrected: ${whole(corrected.rows)} rows, checksum ${corrected.checksum}.`
    : `THEY ARE NOT WHAT THE SOURCE HOLDS, SO CORRECTED: read ${whole(readBack.rows)} rows (count says ${whole(readBack.count)}), checksum ${readBack.checksum}; they should be ${whole(corrected.rows)} rows, checksum ${corrected.checksum}. Run with --json to see where it went wrong.`
  return `${reopened}\n${verdict}`
}

/** Milliseconds for people. */
export function time(ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`
  return `${ms >= 100 ? ms.toFixed(0) : ms.toFixed(ms >= 1 ? 1 : 3)} ms`
}

function tableText(rows: readonly AnswerRow[]): string {
  const headings = Object.keys(rows[0] ?? {})
  if (headings.length === 0) return '(nothing)'
  const colAligns = headings.map((heading) => (typeof rows[0]?.[heading] === 'number' ? 'right' : 'left'))
  const table = new Table({ head: headings.map(words), colAligns, style: { head: [], border: [], compact: true } })
  const fractional = new Set(headings.filter((heading) => rows.some((row) => !isWhole(row[heading]))))
  for (const row of rows) table.push(headings.map((heading) => cell(row[heading], fractional.has(heading))))
  return table.toString()
}

/** `meanDelayMinutes` as `mean delay minutes`. */
function words(heading: string): string {
  return heading.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
}

function isWhole(value: string | number | undefined): boolean {
  return typeof value !== 'number' || Number.isInteger(value)
}

function cell(value: string | number | undefined, fractional: boolean): string {
  if (typeof value === 'number') return fractional ? value.toFixed(2) : whole(value)
  return value ?? ''
}

function whole(value: number): string {
  return value.toLocaleString('en-US')
}

function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(2)} MiB`
}
