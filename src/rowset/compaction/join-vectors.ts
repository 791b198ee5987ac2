import { invariant } from '../../base/errors.ts'
import type { BytesVector, ColumnVector, DictionaryVector } from '../../schema/column-vector.ts'
import { concatVectors, gatherVector } from '../../schema/vector-ops.ts'
import { mergeDictionary, textsOf } from '../merge-dictionary.ts'

/** Dictionaries of more values than this share of the rows do not pay. */
const distinctShareMax = 0.75

/** Shorter strings are copied byte by byte, which is quicker there. */
const wholeCopyBytesMin = 16

/** Memory to gather the strings of a column in, which is used again for the next ones. */
export class TextRoom {
  private room = new Uint8Array(0)

  take(sizeBytes: number): Uint8Array {
    if (this.room.length < sizeBytes) this.room = new Uint8Array(Math.ceil(sizeBytes * 1.25))
    return this.room.subarray(0, sizeBytes)
  }
}

/**
 * Rows of several vectors of one column, by their places among the rows of all of them, one vector after the other. Strings
 * that lie end to end are put into `room`.
 */
export function gatherFrom(vectors: readonly ColumnVector[], rows: Int32Array, room: TextRoom): ColumnVector {
  if (vectors.every((vector) => vector.form === 'bytes')) return gatherBytesFrom(vectors, rows, room)
  return gatherVector(joinVectors(vectors), rows)
}

/**
 * Strings are most of what a merge of them copies. They are put into the room as they are, behind the place for the result,
 * and then copied within it one by one: within one array that takes no view of each, which would be as much garbage as the strings.
 */
function gatherBytesFrom(vectors: readonly BytesVector[], rows: Int32Array, room: TextRoom): BytesVector {
  const joinedLength = vectors.reduce((sum, vector) => sum + vector.length, 0)
  const vectorOf = new Uint16Array(joinedLength)
  const indexOf = new Int32Array(joinedLength)
  let joined = 0
  vectors.forEach((vector, v) => {
    for (let i = 0; i < vector.length; i++) {
      vectorOf[joined] = v
      indexOf[joined++] = i
    }
  })
  const length = rows.length
  const nulls = gatherNulls(joinNulls(vectors, joinedLength), rows)
  const offsets = new Uint32Array(length + 1)
  let total = 0
  for (let i = 0; i < length; i++) {
    const row = rows[i] as number
    const source = (vectors[vectorOf[row] as number] as BytesVector).offsets
    const index = indexOf[row] as number
    if (nulls === undefined || nulls[i] === 0) total += (source[index + 1] as number) - (source[index] as number)
    offsets[i + 1] = total
  }
  const bytes = room.take(total + vectors.reduce((sum, vector) => sum + textBytes(vector), 0))
  const shifts = new Int32Array(vectors.length)
  let staged = total
  vectors.forEach((vector, v) => {
    const first = vector.offsets[0] as number
    bytes.set(vector.bytes.subarray(first, first + textBytes(vector)), staged)
    shifts[v] = staged - first
    staged += textBytes(vector)
  })
  for (let i = 0; i < length; i++) {
    const row = rows[i] as number
    const v = vectorOf[row] as number
    const from = (shifts[v] as number) + ((vectors[v] as BytesVector).offsets[indexOf[row] as number] as number)
    copyWithin(bytes, offsets[i] as number, from, (offsets[i + 1] as number) - (offsets[i] as number))
  }
  return { form: 'bytes', length, offsets, bytes: bytes.subarray(0, total), nulls }
}

/** From the first string of a vector to the end of the last. */
function textBytes({ offsets, length }: BytesVector): number {
  return (offsets[length] as number) - (offsets[0] as number)
}

function copyWithin(bytes: Uint8Array, to: number, from: number, length: number): void {
  if (length >= wholeCopyBytesMin) bytes.copyWithin(to, from, from + length)
  else for (let i = 0; i < length; i++) bytes[to + i] = bytes[from + i] as number
}

function gatherNulls(nulls: Uint8Array | undefined, rows: Int32Array): Uint8Array | undefined {
  if (nulls === undefined) return undefined
  const gathered = Uint8Array.from(rows, (row) => nulls[row] as number)
  return gathered.includes(1) ? gathered : undefined
}

/** The rows of all vectors of one column, one after the other; of dictionaries, as codes of one that has the values of all. */
function joinVectors(vectors: readonly ColumnVector[]): ColumnVector {
  if (vectors.length < 2 || !vectors.every((vector) => vector.form === 'dictionary')) return concatVectors(vectors)
  return joinDictionaries(vectors) ?? concatVectors(vectors)
}

/** Undefined: it would not pay. */
function joinDictionaries(vectors: readonly DictionaryVector[]): DictionaryVector | undefined {
  const length = vectors.reduce((sum, vector) => sum + vector.length, 0)
  const codes = new Int32Array(length)
  let dictionary: BytesVector | undefined
  let done = 0
  for (const vector of vectors) {
    const texts = textsOf(vector)
    const merged: ReturnType<typeof mergeDictionary> =
      dictionary === undefined
        ? { dictionary: texts.dictionary, codesOfBase: undefined, codesOfAdded: new Int32Array(0) }
        : mergeDictionary(dictionary, texts.dictionary)
    if (merged.dictionary.length > length * distinctShareMax) return undefined
    const { codesOfBase, codesOfAdded } = merged
    if (codesOfBase !== undefined) for (let i = 0; i < done; i++) codes[i] = codesOfBase[codes[i] as number] as number
    if (dictionary === undefined) codes.set(texts.codes)
    else for (let i = 0; i < vector.length; i++) codes[done + i] = codesOfAdded[texts.codes[i] as number] as number
    dictionary = merged.dictionary
    done += vector.length
  }
  invariant(dictionary !== undefined, 'at least one vector is joined')
  const nulls = joinNulls(vectors, length)
  if (nulls !== undefined) for (let i = 0; i < length; i++) if (nulls[i] === 1) codes[i] = 0
  return { form: 'dictionary', length, codes, dictionary, nulls }
}

function joinNulls(vectors: readonly ColumnVector[], length: number): Uint8Array | undefined {
  if (vectors.every(({ nulls }) => nulls === undefined)) return undefined
  const joined = new Uint8Array(length)
  let at = 0
  for (const { nulls, length: rows } of vectors) {
    if (nulls !== undefined) joined.set(nulls, at)
    at += rows
  }
  return joined
}
