/**
 * `table.changes()`: the moments are taken when it is called; the table is pinned, and read rowset by rowset, when it is
 * iterated.
 */
import { requireOptions } from '../base/call-options.ts'
import { throwIfAborted } from '../base/errors.ts'
import { eventLoopGate } from '../base/event-loop-gate.ts'
import { fileError } from '../base/file-error.ts'
import { releaseWhenGone, settle } from '../query/scan-batches.ts'
import type { ChangedInSpan, TimeSpan } from '../rowset/changed-in-span.ts'
import { describeValue } from '../schema/column-value.ts'
import { keyValuesToObject } from '../schema/key-encoding.ts'
import { type DecodedRow, rowDecoder } from '../schema/row-decoder.ts'
import type { ColumnSchema, ColumnValue, TableSchema } from '../schema/table-schema.ts'
import { changedRows, type PinnedChanges, pinChanges } from '../tablet/changed-rows-scan.ts'
import type { TableForm } from './engine-table.ts'
import { requireHistory } from './retained-history.ts'
import { type Snapshots, timestampOfTime } from './snapshots.ts'
import type { ChangesOptions, Moment } from './write-api.ts'

/** What became of a row, its types erased: see `Change`. */
export interface TableChange {
  readonly op: 'insert' | 'update' | 'delete'
  readonly key: unknown
  readonly timestamp: number
  readonly values?: DecodedRow
}

export interface ChangedTable {
  /** The table as it is now: it may be altered before the changes are iterated. */
  form(): TableForm
  readonly snapshots: Snapshots
  /** Throws once the database is closed. */
  requireOpen(): void
  /** As that, or once the table is dropped. */
  requireUsable(): void
}

/** Reads the changes once; what is wrong with the call shows when it is iterated. */
export function tableChanges(table: ChangedTable, o: ChangesOptions): AsyncIterableIterator<TableChange> {
  const pins = new Pins()
  return new ChangeReader(pins, read(table, pins, plan(table, o)))
}

type Plan = { readonly span: TimeSpan; readonly signal: AbortSignal | undefined } | { readonly failure: unknown }

function plan({ snapshots, requireUsable }: ChangedTable, o: ChangesOptions): Plan {
  try {
    requireUsable()
    requireOptions('changes', o, ['from', 'to', 'signal'])
    const newest = snapshots.newest
    const from = Math.min(newest, timestampOf('from', o?.from))
    const to = o.to === undefined ? newest : Math.min(newest, timestampOf('to', o.to))
    if (from > to) throw new TypeError('changes(): from lies after to.')
    return { span: { from, to }, signal: o.signal }
  } catch (failure) {
    return { failure }
  }
}

function timestampOf(option: string, moment: Moment | undefined): number {
  if (moment instanceof Date || typeof moment === 'number') return timestampOfTime(option, moment)
  if (typeof moment !== 'object' || moment === null)
    throw new TypeError(
      `${option} is a snapshot, a Date, a number of milliseconds since 1970, or { timestamp }; got ${describeValue(moment)}.`,
    )
  const { timestamp } = moment
  if (Number.isSafeInteger(timestamp) && timestamp >= 0) return timestamp
  throw new TypeError(`${option}.timestamp is a timestamp as snapshots and changes have it; got ${describeValue(timestamp)}.`)
}

/** What a reader keeps from being let go of. */
class Pins {
  #pinned: { readonly form: TableForm; readonly tablets: readonly PinnedChanges[] } | undefined

  /** In one tick. HISTORY_NOT_RETAINED if some tablet lacks what is needed. */
  take(form: TableForm, span: TimeSpan): readonly PinnedChanges[] {
    for (const tablet of form.tablets) requireHistory(tablet, span.from)
    form.retain()
    const tablets = form.tablets.map((tablet) => pinChanges(tablet, span))
    this.#pinned = { form, tablets }
    return tablets
  }

  readonly release = (): void => {
    const pinned = this.#pinned
    if (!pinned) return
    this.#pinned = undefined
    for (const { release } of pinned.tablets) release()
    pinned.form.release()
  }
}

async function* read(table: ChangedTable, pins: Pins, planned: Plan): AsyncGenerator<TableChange> {
  if ('failure' in planned) throw planned.failure
  const { span, signal } = planned
  const step = () => {
    throwIfAborted(signal)
    table.requireOpen()
    return eventLoopGate.pause()
  }
  try {
    throwIfAborted(signal)
    table.requireUsable()
    const form = table.form()
    for (const tablet of pins.take(form, span)) {
      for await (const changed of changedRows(tablet, step)) yield* changesOf(form.schema, changed, step)
    }
  } catch (error) {
    // What was read when the database was closed fails for that reason, whatever it says.
    table.requireOpen()
    throw fileError(error)
  } finally {
    pins.release()
  }
}

/** Rows handed out between two looks at the clock. */
const rowsPerStep = 64

async function* changesOf(
  schema: TableSchema,
  { batch, rows, times, wasThere, isThere }: ChangedInSpan,
  step: () => Promise<void> | undefined,
): AsyncGenerator<TableChange> {
  const positions = schema.columns.map((_, position) => position)
  const ofKey = schema.keyColumns.map((position) => batch.column(position))
  const ofRow = isThere.includes(1) ? positions.map((position) => batch.column(position)) : []
  const keys = rowDecoder(schema, schema.keyColumns)
  const whole = rowDecoder(schema, positions)
  const names = schema.keyColumns.map((position) => (schema.columns[position] as ColumnSchema).name)
  for (let k = 0; k < rows.length; k++) {
    const pause = k % rowsPerStep === rowsPerStep - 1 ? step() : undefined
    if (pause) await pause
    const row = rows[k] as number
    const timestamp = times[k] as number
    const values = isThere[k] === 1 ? whole.row(ofRow, row) : undefined
    const keyRow = values ?? keys.row(ofKey, row)
    const key = keyValuesToObject(
      schema,
      names.map((name) => keyRow[name] as ColumnValue),
    )
    if (values) yield { op: wasThere[k] === 1 ? 'update' : 'insert', key, timestamp, values }
    else yield { op: 'delete', key, timestamp }
  }
}

/** Lets go of the pins at the end, at a failure, at `return`, or, if nobody asks any more, with the next garbage collection. */
class ChangeReader implements AsyncIterableIterator<TableChange> {
  readonly #changes: AsyncGenerator<TableChange>

  constructor(pins: Pins, changes: AsyncGenerator<TableChange>) {
    this.#changes = changes
    releaseWhenGone(this, pins.release)
  }

  async next(): Promise<IteratorResult<TableChange>> {
    try {
      const result = await this.#changes.next()
      if (result.done) await this.#end()
      return result
    } catch (error) {
      await this.#end()
      throw error
    }
  }

  async return(): Promise<IteratorResult<TableChange>> {
    const result = await this.#changes.return(undefined)
    await this.#end()
    return result
  }

  /** Many short readings in a row must let the event loop through as one long one does. */
  async #end(): Promise<void> {
    settle(this)
    const pause = eventLoopGate.pause()
    if (pause) await pause
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
