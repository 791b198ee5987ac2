import type { BytesVector, DictionaryVector } from '../schema/column-vector.ts'
import { compareRanges } from '../schema/key-encoding.ts'
import { gatherVector } from '../schema/vector-ops.ts'
import { DistinctBytes } from '../sstable/distinct-bytes.ts'

/** Distinct texts, ascending, and the code of each row; of null rows any. */
export interface Texts {
  readonly dictionary: BytesVector
  readonly codes: Int32Array
}

/** The distinct values that occur in a column of strings or binary values. */
export function textsOf(vector: BytesVector | DictionaryVector): Texts {
  return vector.form === 'dictionary' ? usedTexts(vector) : distinctTexts(vector)
}

/** A dictionary may hold many values that these rows do not use. */
function usedTexts({ codes: own, dictionary, nulls, length }: DictionaryVector): Texts {
  const newCodes = new Int32Array(dictionary.length)
  for (let i = 0; i < length; i++) if (nulls === undefined || nulls[i] === 0) newCodes[own[i] as number] = 1
  const used = new Int32Array(dictionary.length)
  let count = 0
  for (let code = 0; code < newCodes.length; code++) {
    if (newCodes[code] === 0) continue
    newCodes[code] = count
    used[count++] = code
  }
  const codes = new Int32Array(length)
  for (let i = 0; i < length; i++) codes[i] = newCodes[own[i] as number] ?? 0
  return {
    dictionary: count === dictionary.length ? dictionary : (gatherVector(dictionary, used.subarray(0, count)) as BytesVector),
    codes,
  }
}

function distinctTexts(vector: BytesVector): Texts {
  const { bytes, offsets, nulls, length } = vector
  const distinct = new DistinctBytes(vector)
  const codes = new Int32Array(length)
  for (let i = 0; i < length; i++) if (nulls === undefined || nulls[i] === 0) codes[i] = distinct.codeOf(i)
  const rows = distinct.rows()
  const order = Int32Array.from(rows.keys()).sort((a, b) => {
    const left = rows[a] as number
    const right = rows[b] as number
    return compareRanges(
      bytes,
      offsets[left] as number,
      offsets[left + 1] as number,
      bytes,
      offsets[right] as number,
      offsets[right + 1] as number,
    )
  })
  const rank = new Int32Array(order.length)
  for (let at = 0; at < order.length; at++) rank[order[at] as number] = at
  for (let i = 0; i < length; i++) codes[i] = rank[codes[i] as number] ?? 0
  const firsts = order.map((code) => rows[code] as number)
  return { dictionary: { ...(gatherVector(vector, firsts) as BytesVector), nulls: undefined }, codes }
}

/** A dictionary with the values of two, and what the codes of each become; `codesOfBase` undefined: the base has them all, and stays. */
export interface MergedDictionary {
  readonly dictionary: BytesVector
  readonly codesOfBase: Int32Array | undefined
  readonly codesOfAdded: Int32Array
}

/** Merges `added` into `base`, both ascending and distinct. Costs little where little is added. */
export function mergeDictionary(base: BytesVector, added: BytesVector): MergedDictionary {
  const places = new Int32Array(added.length)
  const isNew = new Uint8Array(added.length)
  let newCount = 0
  for (let i = 0, from = 0; i < added.length; i++) {
    from = lowerBoundFrom(base, from, added, i)
    places[i] = from
    if (from < base.length && compareAt(base, from, added, i) === 0) continue
    isNew[i] = 1
    newCount++
  }
  if (newCount === 0) return { dictionary: base, codesOfBase: undefined, codesOfAdded: places }
  return spliced(base, added, places, isNew, newCount)
}

/** Puts the new values in their places. */
function spliced(base: BytesVector, added: BytesVector, places: Int32Array, isNew: Uint8Array, newCount: number): MergedDictionary {
  const length = base.length + newCount
  const offsets = new Uint32Array(length + 1)
  const bytes = new Uint8Array(bytesIn(base, 0, base.length) + bytesIn(added, 0, added.length))
  const codesOfBase = new Int32Array(base.length)
  const codesOfAdded = new Int32Array(added.length)
  let code = 0
  let done = 0
  const copy = (vector: BytesVector, from: number, to: number) => {
    let at = offsets[code] as number
    bytes.set(vector.bytes.subarray(vector.offsets[from], vector.offsets[to]), at)
    for (let i = from; i < to; i++) {
      at += (vector.offsets[i + 1] as number) - (vector.offsets[i] as number)
      offsets[++code] = at
    }
  }
  const copyBase = (to: number) => {
    for (let i = done; i < to; i++) codesOfBase[i] = code + i - done
    copy(base, done, to)
    done = to
  }
  for (let i = 0; i < added.length; i++) {
    copyBase(places[i] as number)
    codesOfAdded[i] = code
    if (isNew[i] === 1) copy(added, i, i + 1)
  }
  copyBase(base.length)
  return {
    dictionary: { form: 'bytes', length, offsets, bytes: bytes.subarray(0, offsets[length]), nulls: undefined },
    codesOfBase,
    codesOfAdded,
  }
}

function bytesIn({ offsets }: BytesVector, from: number, to: number): number {
  return (offsets[to] as number) - (offsets[from] as number)
}

/** The first place from `from` on whose value is not below value i of `probe`: in growing strides, then by halving. */
function lowerBoundFrom(vector: BytesVector, from: number, probe: BytesVector, i: number): number {
  let low = from
  let stride = 1
  while (low + stride <= vector.length && compareAt(vector, low + stride - 1, probe, i) < 0) {
    low += stride
    stride *= 2
  }
  let high = Math.min(low + stride - 1, vector.length)
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareAt(vector, middle, probe, i) < 0) low = middle + 1
    else high = middle
  }
  return low
}

function compareAt(a: BytesVector, i: number, b: BytesVector, j: number): number {
  return compareRanges(
    a.bytes,
    a.offsets[i] as number,
    a.offsets[i + 1] as number,
    b.bytes,
    b.offsets[j] as number,
    b.offsets[j + 1] as number,
  )
}
