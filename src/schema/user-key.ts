import { checkValue, describeValue, invalidValue, timestampMsMax, unknownColumn } from './column-value.ts'
import type { FixedKeys, KeyBlock } from './column-vector.ts'
import { keyBytes } from './key-bytes.ts'
import { type FixedKeyLayout, type KeyColumn, type KeyPlan, keyBytesMax, keyPlan } from './key-layout.ts'
import { keyTooLong, writeEscapedRange, writeLeftBytes, writeWideBytes } from './key-writer.ts'
import type { TableSchema } from './table-schema.ts'
import { writeUtf8 } from './utf8.ts'

type KeyObject = Readonly<Record<string, unknown>>

/** Room for a key of the longest size followed by the longest column that need be written to know it is too long. */
const scratch = new Uint8Array(keyBytesMax * 4 + 16)
const rawText = new Uint8Array(keyBytesMax * 3)
const wide = new BigInt64Array(1)
const wideHalves = new Int32Array(wide.buffer)

/**
 * One key as an application gives it (the bare value of a one-column key, or an object; other properties of the object
 * are not looked at) as a block of one. Fast: every point read starts here. Throws INVALID_VALUE for a value that does
 * not fit, TypeError for something that is no key at all.
 */
export function singleKey(schema: TableSchema, key: unknown): KeyBlock {
  const plan = keyPlan(schema)
  if (plan.layout.form === 'fixed') {
    const words = new Uint32Array(plan.layout.wordsPerKey)
    writeFixedKey(schema, plan, key, words, 0, undefined)
    return { form: 'fixed', count: 1, wordsPerKey: plan.layout.wordsPerKey, words }
  }
  const length = writeVariableKey(schema, plan, key, undefined)
  const offsets = new Uint32Array(2)
  offsets[1] = length
  return { form: 'variable', count: 1, offsets, bytes: scratch.slice(0, length) }
}

/**
 * As `singleKey`, in the room that `probeRoom` made where the table's keys have a fixed width: valid until the next call with the same room.
 * A point read that makes no garbage for its key is a tenth faster.
 */
export function probeKey(schema: TableSchema, key: unknown, room: FixedKeys | undefined): KeyBlock {
  if (room === undefined) return singleKey(schema, key)
  const { words } = room
  for (let w = 0; w < words.length; w++) words[w] = 0
  writeFixedKey(schema, keyPlan(schema), key, words, 0, undefined)
  return room
}

/** Room for one key; undefined for a table of variable keys. */
export function probeRoom(schema: TableSchema): FixedKeys | undefined {
  const { layout } = keyPlan(schema)
  if (layout.form !== 'fixed') return undefined
  return { form: 'fixed', count: 1, wordsPerKey: layout.wordsPerKey, words: new Uint32Array(layout.wordsPerKey) }
}

/** Many keys as an application gives them, in order. Errors name the index in `keys` as `rowIndex`. */
export function keysOf(schema: TableSchema, keys: readonly unknown[]): KeyBlock {
  if (!Array.isArray(keys)) throw new TypeError(`Give an array of keys of table ${schema.name}; got ${describeValue(keys)}.`)
  const plan = keyPlan(schema)
  return plan.layout.form === 'fixed' ? fixedKeysOf(schema, plan, plan.layout, keys) : variableKeysOf(schema, plan, keys)
}

/** The encoded bytes of one key (see `singleKey`). */
export function encodeKey(schema: TableSchema, key: unknown): Uint8Array {
  return keyBytes(singleKey(schema, key), 0, keyPlan(schema).layout)
}

/**
 * The encoded bytes of a key or of its leading columns: every key with these values begins with them. Throws
 * INVALID_VALUE for a value that does not fit, an unknown column, or a column whose predecessor is left out.
 */
export function encodeKeyPrefix(schema: TableSchema, prefix: unknown): Uint8Array {
  const { columns } = keyPlan(schema)
  const object = keyObject(schema, columns, prefix)
  if (object === undefined) return encodeKeyValues(schema, [prefix])
  const values: unknown[] = []
  let missing: string | undefined
  for (const { column } of columns) {
    const value = object[column.name]
    if (value === undefined) missing ??= column.name
    else if (missing === undefined) values.push(value)
    else
      throw invalidValue(
        schema.name,
        column.name,
        undefined,
        `a key prefix names leading columns of the key (${keyNames(columns)}), and ${missing} is missing`,
      )
  }
  for (const name of Object.keys(object)) {
    if (columns.some(({ column }) => column.name === name)) continue
    throw unknownColumn(
      schema.name,
      name,
      columns.map(({ column }) => column.name),
      undefined,
    )
  }
  if (values.length === 0) throw invalidValue(schema.name, missing, undefined, `a key prefix names at least ${missing}`)
  return encodeKeyValues(schema, values)
}

/**
 * The encoded bytes of leading key values given in key order. With `open`, the last one, a string or binary value, is
 * left without its terminator, so that all keys whose column *begins* with it share the bytes.
 */
export function encodeKeyValues(schema: TableSchema, values: readonly unknown[], o: { open?: boolean } = {}): Uint8Array {
  const { columns } = keyPlan(schema)
  let at = 0
  for (let k = 0; k < values.length; k++) {
    const keyColumn = columns[k]
    if (keyColumn === undefined)
      throw new TypeError(
        `The key of table ${schema.name} has ${columns.length} columns (${keyNames(columns)}); got ${values.length} values.`,
      )
    at = writeKeyColumn(schema, keyColumn, values[k], at, undefined)
  }
  const last = columns[values.length - 1]
  return scratch.slice(0, o.open === true && last?.widthBytes === 0 ? at - 2 : at)
}

function keyNames(columns: readonly KeyColumn[]): string {
  return columns.map(({ column }) => column.name).join(', ')
}

/** The key as an object, or undefined when it is the bare value of a one-column key. TypeError if it is neither. */
export function keyProperties(schema: TableSchema, key: unknown): KeyObject | undefined {
  return keyObject(schema, keyPlan(schema).columns, key)
}

function keyObject(schema: TableSchema, columns: readonly KeyColumn[], key: unknown): KeyObject | undefined {
  if (typeof key === 'object' && key !== null && !(key instanceof Date) && !(key instanceof Uint8Array) && !Array.isArray(key))
    return key as KeyObject
  if (columns.length === 1 && !Array.isArray(key)) return undefined
  throw new TypeError(
    `A key of table ${schema.name} is ${columns.length === 1 ? 'a bare value or ' : ''}an object { ${keyNames(columns)} }; got ${describeValue(key)}.`,
  )
}

function fixedKeysOf(schema: TableSchema, plan: KeyPlan, { wordsPerKey }: FixedKeyLayout, keys: readonly unknown[]): KeyBlock {
  const words = new Uint32Array(keys.length * wordsPerKey)
  for (let i = 0; i < keys.length; i++) writeFixedKey(schema, plan, keys[i], words, i * wordsPerKey, i)
  return { form: 'fixed', count: keys.length, wordsPerKey, words }
}

function variableKeysOf(schema: TableSchema, plan: KeyPlan, keys: readonly unknown[]): KeyBlock {
  const offsets = new Uint32Array(keys.length + 1)
  let bytes = new Uint8Array(Math.max(64, keys.length * (plan.fixedBytes + 16)))
  let at = 0
  for (let i = 0; i < keys.length; i++) {
    const length = writeVariableKey(schema, plan, keys[i], i)
    if (at + length > bytes.length) {
      const grown = new Uint8Array(Math.max(bytes.length * 2, at + length))
      grown.set(bytes)
      bytes = grown
    }
    for (let k = 0; k < length; k++) bytes[at + k] = scratch[k] as number
    at += length
    offsets[i + 1] = at
  }
  return { form: 'variable', count: keys.length, offsets, bytes: bytes.slice(0, at) }
}

function writeFixedKey(
  schema: TableSchema,
  plan: KeyPlan,
  key: unknown,
  words: Uint32Array,
  from: number,
  rowIndex: number | undefined,
): void {
  const { columns } = plan
  const object = keyObject(schema, columns, key)
  for (let k = 0; k < columns.length; k++) {
    const keyColumn = columns[k] as KeyColumn
    const value = object === undefined ? key : object[keyColumn.column.name]
    const { widthBytes, byteOffset } = keyColumn
    const word = from + (byteOffset >>> 2)
    if (widthBytes === 8) splitWide(schema, keyColumn, value, rowIndex)
    const left = widthBytes === 8 ? wideHigh : leftWord(schema, keyColumn, value, rowIndex)
    if ((byteOffset & 3) === 0) {
      words[word] = (words[word] as number) | left
      if (widthBytes === 8) words[word + 1] = wideLow
      continue
    }
    putBytes(words, from * 4 + byteOffset, left, widthBytes === 8 ? 4 : widthBytes)
    if (widthBytes === 8) putBytes(words, from * 4 + byteOffset + 4, wideLow, 4)
  }
}

function putBytes(words: Uint32Array, at: number, left: number, count: number): void {
  for (let k = 0; k < count; k++) {
    const byte = (left >>> (24 - k * 8)) & 0xff
    const word = (at + k) >>> 2
    words[word] = (words[word] as number) | (byte << (24 - ((at + k) & 3) * 8))
  }
}

function writeVariableKey(schema: TableSchema, plan: KeyPlan, key: unknown, rowIndex: number | undefined): number {
  const { columns } = plan
  const object = keyObject(schema, columns, key)
  let at = 0
  for (let k = 0; k < columns.length; k++) {
    const keyColumn = columns[k] as KeyColumn
    at = writeKeyColumn(schema, keyColumn, object === undefined ? key : object[keyColumn.column.name], at, rowIndex)
  }
  return at
}

/** Writes one column's encoding to `scratch`; returns the end position. */
function writeKeyColumn(schema: TableSchema, keyColumn: KeyColumn, value: unknown, at: number, rowIndex: number | undefined): number {
  const { widthBytes, column } = keyColumn
  let end: number
  if (widthBytes === 8) {
    splitWide(schema, keyColumn, value, rowIndex)
    end = writeWideBytes(scratch, at, wideHigh, wideLow)
  } else if (widthBytes > 0) {
    end = writeLeftBytes(scratch, at, leftWord(schema, keyColumn, value, rowIndex), widthBytes)
  } else {
    const stored = column.kind === 'string' && typeof value === 'string' ? value : checked(schema, keyColumn, value, rowIndex)
    if (typeof stored === 'string') {
      if (stored.length > keyBytesMax) throw keyTooLong(schema.name, column.name, stored.length, rowIndex)
      const length = writeUtf8(rawText, 0, stored)
      if (length < 0) checked(schema, keyColumn, value, rowIndex)
      end = length > keyBytesMax ? at + length : writeEscapedRange(scratch, at, rawText, 0, length)
    } else {
      const raw = stored as Uint8Array
      end = raw.length > keyBytesMax ? at + raw.length : writeEscapedRange(scratch, at, raw, 0, raw.length)
    }
  }
  if (end > keyBytesMax) throw keyTooLong(schema.name, column.name, end, rowIndex)
  return end
}

function checked(schema: TableSchema, { column }: KeyColumn, value: unknown, rowIndex: number | undefined): unknown {
  if (value === undefined || value === null) throw invalidValue(schema.name, column.name, rowIndex, keyPartProblem(schema, value))
  return checkValue(schema.name, column, value, rowIndex)
}

function keyPartProblem(schema: TableSchema, value: null | undefined): string {
  const problem = value === null ? 'null is not allowed' : 'the value is missing'
  return `${problem}; a key names its row by all of (${keyNames(keyPlan(schema).columns)})`
}

/** A value of up to 4 bytes, encoded, at the left edge of a word. */
function leftWord(schema: TableSchema, keyColumn: KeyColumn, value: unknown, rowIndex: number | undefined): number {
  if (keyColumn.column.kind === 'int32' && typeof value === 'number' && (value | 0) === value) return value ^ 0x80000000
  const stored = checked(schema, keyColumn, value, rowIndex)
  if (typeof stored === 'boolean') return stored ? 0x01000000 : 0
  return ((stored as number) << (32 - keyColumn.widthBytes * 8)) ^ 0x80000000
}

/** What `splitWide` gives: two variables, so that a point read allocates nothing for them. */
let wideHigh = 0
let wideLow = 0

function splitWide(schema: TableSchema, keyColumn: KeyColumn, value: unknown, rowIndex: number | undefined): void {
  // The fast way past the checks, for the kind that most keys of measurements have.
  const plain =
    keyColumn.column.kind === 'timestamp' && typeof value === 'number' && Math.floor(value) === value && Math.abs(value) <= timestampMsMax
  const stored = plain ? value : checked(schema, keyColumn, value, rowIndex)
  if (typeof stored === 'bigint') {
    wide[0] = stored
    wideHigh = (wideHalves[1] as number) ^ 0x80000000
    wideLow = wideHalves[0] as number
  } else {
    wideHigh = Math.floor((stored as number) / 4294967296) ^ 0x80000000
    wideLow = (stored as number) | 0
  }
}
