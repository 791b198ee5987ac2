import { timestampOfText } from '../value-input.ts'
import type { InputColumn } from './table-input.ts'

const bool = 1
const integer = 2
const decimal = 4
const time = 8
const text = 16

const int64Min = -(2n ** 63n)
const int64Max = 2n ** 63n - 1n

/**
 * Guesses the type of a column that has none, from its values: the narrowest of bool, int32, int64, double and
 * timestamp that holds every one of them exactly, else string. Numbers written with leading zeros or a plus are text
 * (postal codes, telephone numbers), and so are whole numbers beyond 64 bits.
 */
export class TypeGuess {
  /** The types that every value so far could be, as bits. */
  #possible = bool | integer | decimal | time | text
  #seen = false
  #sawNumber = false
  #min = Number.POSITIVE_INFINITY
  #max = Number.NEGATIVE_INFINITY
  /** Some whole number is beyond ±(2^53 − 1); beyond 64 bits. */
  #wide = false
  #tooWide = false

  /** A field of a CSV file. */
  sawText(value: string): void {
    this.#narrow(this.#textTypes(value))
  }

  /** A value of a JSON object, not null. */
  sawJson(value: unknown): void {
    if (typeof value === 'boolean') this.#narrow(bool)
    else if (typeof value === 'number') {
      this.#sawNumber = true
      if (Number.isInteger(value)) this.#sawInteger(value, () => BigInt(value))
      this.#narrow(Number.isInteger(value) ? integer | decimal : decimal)
    } else if (typeof value === 'bigint') {
      this.#sawNumber = true
      this.#sawInteger(Number(value), () => value)
      this.#narrow(integer | decimal)
    } else if (typeof value === 'string') this.#narrow(text | this.#stringTypes(value))
    else this.#narrow(text)
  }

  result(): Pick<InputColumn, 'kind' | 'mode'> {
    const mode = 'number'
    if (!this.#seen) return { kind: 'string', mode }
    const numbers = this.#sawNumber && !this.#tooWide
    if (this.#possible & bool) return { kind: 'bool', mode }
    if (this.#possible & integer && numbers) return this.#integerType()
    if (this.#possible & decimal && numbers && !this.#wide) return { kind: 'double', mode }
    if (this.#possible & time) return { kind: 'timestamp', mode }
    return { kind: 'string', mode }
  }

  #integerType(): Pick<InputColumn, 'kind' | 'mode'> {
    if (this.#wide) return { kind: 'int64', mode: 'bigint' }
    return { kind: this.#min >= -(2 ** 31) && this.#max < 2 ** 31 ? 'int32' : 'int64', mode: 'number' }
  }

  #narrow(types: number): void {
    this.#seen = true
    this.#possible = this.#possible & types || text
  }

  #textTypes(value: string): number {
    if (/^-?(?:0|[1-9]\d*)$/.test(value)) {
      this.#sawNumber = true
      this.#sawInteger(Number(value), () => BigInt(value))
      return integer | decimal | text
    }
    if (/^-?(?:0|[1-9]\d*)?(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(value) && /^-?\.?\d/.test(value)) {
      this.#sawNumber = true
      return decimal | text
    }
    if (/^(?:true|false)$/i.test(value)) return bool | text
    return /^(?:nan|-?infinity)$/i.test(value) ? decimal | text : timeTypes(value) | text
  }

  /** What "varve scan --json" writes as a string because JSON has no way to say it. */
  #stringTypes(value: string): number {
    if (/^(?:NaN|-?Infinity)$/.test(value)) return decimal
    if (!/^-?[1-9]\d{15,18}$/.test(value) || Number.isSafeInteger(Number(value))) return timeTypes(value)
    this.#sawInteger(Number(value), () => BigInt(value))
    return integer
  }

  #sawInteger(value: number, exact: () => bigint): void {
    if (value < this.#min) this.#min = value
    if (value > this.#max) this.#max = value
    if (Number.isSafeInteger(value)) return
    this.#wide = true
    const wide = exact()
    if (wide < int64Min || wide > int64Max) this.#tooWide = true
  }
}

function timeTypes(value: string): number {
  return value.length >= 10 && value.includes('-') && timestampOfText(value) !== undefined ? time : 0
}
