import Table from 'cli-table3'
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
  /** To close the database and open it again. */
  readonly reopenMs: number
  readonly source: { readonly rows: number; readonly checksum: string }
  readonly readBack: ReadBack
  /** Whether what was read back is what the source holds. */
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

/** Whether the data came back whole. */
export function verificationText({ source, readBack, verified, reopenMs }: FlightsReport): string {
  const reopened = `Closed and opened again in ${time(reopenMs)}, then read every column of ${whole(readBack.rows)} rows in ${time(readBack.durationMs)}.`
  const verdict = verified
    ? `They are what the source holds: ${whole(source.rows)} rows, checksum ${source.checksum}.`
    : `THEY ARE NOT WHAT THE SOURCE HOLDS: read ${whole(readBack.rows)} rows (count says ${whole(readBack.count)}), checksum ${readBack.checksum}; the source has ${whole(source.rows)} rows, checksum ${source.checksum}.`
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
