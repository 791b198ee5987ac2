import type { BytesVector, DictionaryVector } from '../schema/column-vector.ts'
import { packingWidth } from './bit-packing.ts'
import type { EncodedColumn } from './block-encoding.ts'
import { blockEncodings } from './block-encoding.ts'
import { DistinctBytes } from './distinct-bytes.ts'
import type { PayloadWriter } from './payload-writer.ts'
import { scratchUnsigned } from './scratch.ts'
import type { ZoneMap } from './sstable.ts'
import { writeUnsigned } from './unsigned-stream.ts'
import { bytesAt, bytesZoneMap, compareBytesAt, emptyZoneMap } from './zone-map.ts'

/** A dictionary of more values than this share of the rows does not pay. */
const distinctShareMax = 0.9
/** Blocks of fewer rows are looked at as a whole. */
const sampledRowsMin = 128

/** Distinct values of a block, ascending, and the code of each row (0 where null); `codes` is scratch. */
interface Dictionary {
  readonly entries: BytesVector
  readonly codes: Uint32Array
}

/**
 * Encodes a column of strings or binary values: as a dictionary if that saves an eighth, which is also the form that
 * is fastest to filter and to group by; else as lengths and bytes.
 */
export function encodeBytes(out: PayloadWriter, vector: BytesVector | DictionaryVector, nullCount: number): EncodedColumn {
  const dictionary = vector.form === 'dictionary' ? pruneDictionary(vector, nullCount) : buildDictionary(vector, nullCount)
  if (dictionary !== undefined && worthIt(dictionary, vector)) {
    writeDictionary(out, dictionary, vector.length)
    return { encoding: blockEncodings.dictionary, zoneMap: dictionaryZoneMap(dictionary, nullCount) }
  }
  const plain = vector.form === 'bytes' ? vector : expandDictionary(vector)
  writeStrings(out, plain)
  return { encoding: blockEncodings.bytes, zoneMap: plainZoneMap(plain, nullCount) }
}

function worthIt({ entries, codes }: Dictionary, vector: BytesVector | DictionaryVector): boolean {
  const count = vector.length
  const codeBytes = (count * packingWidth(Math.max(0, entries.length - 1))) / 8
  return entries.bytes.length + entries.length + codeBytes < 0.875 * (plainBytes(entries, codes, vector) + count)
}

function plainBytes(entries: BytesVector, codes: Uint32Array, vector: BytesVector | DictionaryVector): number {
  if (vector.form === 'bytes') return (vector.offsets[vector.length] as number) - (vector.offsets[0] as number)
  let total = 0
  for (let i = 0; i < vector.length; i++) {
    const code = codes[i] as number
    if (vector.nulls === undefined || vector.nulls[i] === 0)
      total += (entries.offsets[code + 1] as number) - (entries.offsets[code] as number)
  }
  return total
}

/** Undefined: there are so many distinct values that it cannot pay. */
function buildDictionary(vector: BytesVector, nullCount: number): Dictionary | undefined {
  const count = vector.length
  const nulls = nullCount > 0 ? vector.nulls : undefined
  const distinct = new DistinctBytes(vector)
  if (!hasRepeats(distinct, vector, nulls)) return undefined
  const codes = scratchUnsigned(count)
  for (let i = 0; i < count; i++) {
    codes[i] = nulls !== undefined && nulls[i] === 1 ? 0 : distinct.codeOf(i)
    if (distinct.count > count * distinctShareMax) return undefined
  }
  const order = distinct.rows()
  const ascending = Uint32Array.from(order.keys()).sort((a, b) => compareBytesAt(vector, order[a] as number, order[b] as number))
  const rank = new Uint32Array(order.length)
  for (let at = 0; at < ascending.length; at++) rank[ascending[at] as number] = at
  for (let i = 0; i < count; i++) codes[i] = nulls !== undefined && nulls[i] === 1 ? 0 : (rank[codes[i] as number] as number)
  const rows = ascending.map((at) => order[at] as number)
  return { entries: gather(vector, rows), codes }
}

/**
 * Whether a value comes twice among rows chosen at random, eight times as many as the square root of their number. Where an eighth of
 * the rows repeat another, which is the least that pays, that is missed once in 3,000 times. For a block of distinct strings this spares hashing
 * all of them.
 */
function hasRepeats(distinct: DistinctBytes, { length }: BytesVector, nulls: Uint8Array | undefined): boolean {
  const looks = Math.ceil(8 * Math.sqrt(length))
  for (let k = 0; k < looks; k++) {
    const row = pseudoRandom(k) % length
    if (nulls !== undefined && nulls[row] === 1) continue
    if (distinct.firstRowOf(distinct.codeOf(row)) !== row) return true
  }
  return length < sampledRowsMin
}

/** The same for the same number, so that the same rows make the same file: the finalizer of MurmurHash3. */
function pseudoRandom(k: number): number {
  let mixed = Math.imul(k ^ (k >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}

/** A dictionary of a larger block may hold many values that these rows do not use. */
function pruneDictionary(vector: DictionaryVector, nullCount: number): Dictionary {
  const count = vector.length
  const nulls = nullCount > 0 ? vector.nulls : undefined
  const newCodes = new Int32Array(vector.dictionary.length).fill(-1)
  for (let i = 0; i < count; i++) if (nulls === undefined || nulls[i] === 0) newCodes[vector.codes[i] as number] = 0
  const used: number[] = []
  for (let code = 0; code < newCodes.length; code++) {
    if (newCodes[code] === -1) continue
    newCodes[code] = used.length
    used.push(code)
  }
  const codes = scratchUnsigned(count)
  for (let i = 0; i < count; i++) codes[i] = nulls !== undefined && nulls[i] === 1 ? 0 : (newCodes[vector.codes[i] as number] as number)
  return { entries: gather(vector.dictionary, Uint32Array.from(used)), codes }
}

function gather(vector: BytesVector, rows: Uint32Array): BytesVector {
  const offsets = new Uint32Array(rows.length + 1)
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number
    offsets[i + 1] = (offsets[i] as number) + (vector.offsets[row + 1] as number) - (vector.offsets[row] as number)
  }
  const bytes = new Uint8Array(offsets[rows.length] as number)
  for (let i = 0; i < rows.length; i++) bytes.set(bytesAt(vector, rows[i] as number), offsets[i])
  return { form: 'bytes', length: rows.length, offsets, bytes, nulls: undefined }
}

function expandDictionary(vector: DictionaryVector): BytesVector {
  const { dictionary, codes, nulls, length } = vector
  const offsets = new Uint32Array(length + 1)
  for (let i = 0; i < length; i++) {
    const code = codes[i] as number
    const size = nulls !== undefined && nulls[i] === 1 ? 0 : (dictionary.offsets[code + 1] as number) - (dictionary.offsets[code] as number)
    offsets[i + 1] = (offsets[i] as number) + size
  }
  const bytes = new Uint8Array(offsets[length] as number)
  for (let i = 0; i < length; i++) {
    if (nulls === undefined || nulls[i] === 0) bytes.set(bytesAt(dictionary, codes[i] as number), offsets[i])
  }
  return { form: 'bytes', length, offsets, bytes, nulls }
}

function writeDictionary(out: PayloadWriter, { entries, codes }: Dictionary, count: number): void {
  out.u32(entries.length)
  // The code stream goes first: writing the lengths needs the scratch that holds the codes.
  writeUnsigned(out, codes, count)
  writeStrings(out, entries)
}

function writeStrings(out: PayloadWriter, { offsets, bytes, length }: BytesVector): void {
  const lengths = scratchUnsigned(length)
  for (let i = 0; i < length; i++) lengths[i] = (offsets[i + 1] as number) - (offsets[i] as number)
  writeUnsigned(out, lengths, length)
  out.bytes(bytes.subarray(offsets[0] as number, offsets[length] as number))
}

function dictionaryZoneMap({ entries }: Dictionary, nullCount: number): ZoneMap {
  if (entries.length === 0) return emptyZoneMap(nullCount, false)
  return bytesZoneMap(bytesAt(entries, 0), bytesAt(entries, entries.length - 1), nullCount)
}

function plainZoneMap(vector: BytesVector, nullCount: number): ZoneMap {
  let min = -1
  let max = -1
  for (let i = 0; i < vector.length; i++) {
    if (nullCount > 0 && (vector.nulls as Uint8Array)[i] === 1) continue
    if (min === -1 || compareBytesAt(vector, i, min) < 0) min = i
    if (max === -1 || compareBytesAt(vector, i, max) > 0) max = i
  }
  return min === -1 ? emptyZoneMap(nullCount, false) : bytesZoneMap(bytesAt(vector, min), bytesAt(vector, max), nullCount)
}
