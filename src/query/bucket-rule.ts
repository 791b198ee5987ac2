/**
 * Where buckets begin and end. Three kinds:
 *
 * - fixed: multiples of a width, from an origin. Numbers of any column, and time without a time zone up to weeks.
 * - clock: hours, minutes and less in a time zone. A bucket begins whenever the zone's clock shows a multiple of the
 *   width since midnight, or leaps over one; so an hour that the clock shows twice is two buckets of one hour.
 * - calendar: days, weeks, months and years in a time zone, counted from 1970-01-01 (weeks from Monday, 1969-12-29). A
 *   bucket begins at the first moment of its first day, and lasts until the next one begins: a day has 23 to 25 hours.
 */
import { describeValue } from '../schema/column-value.ts'
import type { ColumnSchema } from '../schema/table-schema.ts'
import type { BucketNode } from './aggregate.ts'
import { ZoneOffsets } from './zone-offsets.ts'

/** All values from `from` up to, not including, `to` lie in the bucket that begins at `start`. */
export interface BucketSpan {
  readonly start: number
  readonly from: number
  readonly to: number
}

export interface BucketRule {
  /** The bucket of a value that is not NaN. The span holds the value, and at best the whole bucket. */
  spanOf(value: number): BucketSpan
}

const dayMs = 86_400_000
const unitsMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: dayMs, w: 7 * dayMs } as const
/** 1970-01-01 was a Thursday; weeks begin on Monday. */
const firstMondayMs = -3 * dayMs

type Unit = keyof typeof unitsMs | 'mo' | 'y'

/** The rule of a bucket on a column. TypeError for widths, origins, time zones and columns that do not go together. */
export function bucketRule(table: string, column: ColumnSchema, { width, timeZone, originMs }: BucketNode): BucketRule {
  const { kind, mode } = column
  if (kind === 'string' || kind === 'binary' || kind === 'bool' || (kind === 'int64' && mode === 'bigint')) {
    throw new TypeError(
      `bucket reads columns of numbers or timestamps; ${table}.${column.name} is ${kind}${kind === 'int64' ? " in mode 'bigint'" : ''}.`,
    )
  }
  if (originMs !== undefined && !Number.isFinite(originMs))
    throw new TypeError(`bucket: originMs is a finite number; got ${describeValue(originMs)}.`)
  if (typeof width === 'number') return widthRule(width, timeZone, originMs)
  const { count, unit } = parseWidth(width)
  if (kind !== 'timestamp')
    throw new TypeError(`bucket: a width in time units goes with a timestamp column; ${table}.${column.name} is ${kind}. Give a number.`)
  const zone = timeZone === undefined || timeZone === 'UTC' ? undefined : new ZoneOffsets(timeZone)
  if (unit !== 'mo' && unit !== 'y' && !zone) return new FixedBuckets(count * unitsMs[unit], originMs ?? (unit === 'w' ? firstMondayMs : 0))
  if (originMs !== undefined)
    throw new TypeError("bucket: originMs goes with widths of a fixed length, in UTC: leave out timeZone, and use no 'mo' or 'y'.")
  const offsets = zone ?? new ZoneOffsets('UTC')
  if (unit === 'mo' || unit === 'y') return new CalendarBuckets(offsets, new Months(unit === 'y' ? count * 12 : count))
  if (unit === 'd' || unit === 'w') return new CalendarBuckets(offsets, new Days(unit === 'w' ? count * 7 : count, unit === 'w' ? -3 : 0))
  return clockRule(offsets, count * unitsMs[unit], width)
}

function widthRule(width: number, timeZone: string | undefined, originMs: number | undefined): BucketRule {
  if (!(Number.isFinite(width) && width > 0))
    throw new TypeError(`bucket: the width is a number above 0, or a text such as '15m', '1d' or '1mo'; got ${width}.`)
  if (timeZone !== undefined) throw new TypeError("bucket: timeZone goes with a width in time units, such as '1h' or '1d'.")
  return new FixedBuckets(width, originMs ?? 0)
}

function parseWidth(width: unknown): { count: number; unit: Unit } {
  const [, digits, unit] = (typeof width === 'string' && /^([1-9]\d{0,8})(ms|s|m|h|d|w|mo|y)$/.exec(width)) || []
  if (digits === undefined) {
    throw new TypeError(
      `bucket: the width is a number above 0, or a count and a unit of ms, s, m, h, d, w, mo, y, such as '15m' or '1mo'; got ${describeValue(width)}.`,
    )
  }
  return { count: Number(digits), unit: unit as Unit }
}

function clockRule(offsets: ZoneOffsets, widthMs: number, width: string): BucketRule {
  if (widthMs < dayMs && dayMs % widthMs === 0) return new ClockBuckets(offsets, widthMs)
  throw new TypeError(`bucket: in a time zone, ${width} must divide a day evenly; use such a width, or days: '1d', '2d'.`)
}

class FixedBuckets implements BucketRule {
  readonly #width: number
  readonly #origin: number
  /** Only sums and products of whole numbers are exact: elsewhere, a span is its one value. */
  readonly #whole: boolean

  constructor(width: number, origin: number) {
    this.#width = width
    this.#origin = origin
    this.#whole = Number.isInteger(width) && Number.isInteger(origin)
  }

  spanOf(value: number): BucketSpan {
    if (!Number.isFinite(value)) return { start: value, from: value, to: value }
    const width = this.#width
    const start = Math.floor((value - this.#origin) / width) * width + this.#origin + 0
    const exact = this.#whole && Number.isSafeInteger(start) && Number.isSafeInteger(start + width)
    return exact ? { start, from: start, to: start + width } : { start, from: value, to: value }
  }
}

class ClockBuckets implements BucketRule {
  readonly #offsets: ZoneOffsets
  readonly #widthMs: number

  constructor(offsets: ZoneOffsets, widthMs: number) {
    this.#offsets = offsets
    this.#widthMs = widthMs
  }

  spanOf(value: number): BucketSpan {
    const offsets = this.#offsets
    const offsetMs = offsets.at(value)
    const end = value - modulo(value + offsetMs, this.#widthMs) + this.#widthMs
    const to = offsets.at(end - 1) === offsetMs ? end : offsets.lastChange(value, end - 1)
    const start = this.#startOf(value)
    return { start, from: start, to }
  }

  #startOf(value: number): number {
    const offsets = this.#offsets
    const offsetMs = offsets.at(value)
    const start = value - modulo(value + offsetMs, this.#widthMs)
    if (offsets.at(start) === offsetMs) return start
    // The clock was changed since: a bucket that it had begun before goes on, unless it leapt to another.
    const changeMs = offsets.lastChange(start, value)
    const before = Math.floor((changeMs - 1 + offsets.at(changeMs - 1)) / this.#widthMs)
    const after = Math.floor((changeMs + offsetMs) / this.#widthMs)
    return before === after ? this.#startOf(changeMs - 1) : changeMs
  }
}

/** Numbers the spans of days that a calendar is divided into. */
interface Divisions {
  numberOf(localMs: number): number
  /** Local midnight of its first day. */
  firstLocalMs(number: number): number
}

class Days implements Divisions {
  readonly #count: number
  readonly #firstDay: number

  constructor(count: number, firstDay: number) {
    this.#count = count
    this.#firstDay = firstDay
  }

  numberOf(localMs: number): number {
    return Math.floor((Math.floor(localMs / dayMs) - this.#firstDay) / this.#count)
  }

  firstLocalMs(number: number): number {
    return (number * this.#count + this.#firstDay) * dayMs
  }
}

class Months implements Divisions {
  readonly #count: number

  constructor(count: number) {
    this.#count = count
  }

  numberOf(localMs: number): number {
    const date = new Date(Math.min(Math.max(localMs, -8.64e15), 8.64e15))
    return Math.floor(((date.getUTCFullYear() - 1970) * 12 + date.getUTCMonth()) / this.#count)
  }

  firstLocalMs(number: number): number {
    const month = number * this.#count
    const localMs = new Date(0).setUTCFullYear(1970 + Math.floor(month / 12), modulo(month, 12), 1)
    // Beyond the range of dates: before everything, or never.
    return !Number.isNaN(localMs) ? localMs : month < 0 ? -8.64e15 - dayMs : Number.POSITIVE_INFINITY
  }
}

class CalendarBuckets implements BucketRule {
  readonly #offsets: ZoneOffsets
  readonly #divisions: Divisions

  constructor(offsets: ZoneOffsets, divisions: Divisions) {
    this.#offsets = offsets
    this.#divisions = divisions
  }

  spanOf(value: number): BucketSpan {
    const offsets = this.#offsets
    const divisions = this.#divisions
    let number = divisions.numberOf(value + offsets.at(value))
    let to = offsets.firstMoment(divisions.firstLocalMs(number + 1))
    // A clock turned back past midnight shows yesterday again; today has begun all the same.
    while (to <= value) to = offsets.firstMoment(divisions.firstLocalMs(++number + 1))
    const start = offsets.firstMoment(divisions.firstLocalMs(number))
    return { start, from: start, to }
  }
}

function modulo(value: number, by: number): number {
  return value - Math.floor(value / by) * by
}
