import { invariant } from '../../base/errors.ts'
import type { BytesVector, ColumnVector, DictionaryVector } from '../../schema/column-vector.ts'
import { concatVectors } from '../../schema/vector-ops.ts'
import { mergeDictionary, textsOf } from '../merge-dictionary.ts'

/** Dictionaries of more values than this share of the rows do not pay. */
const distinctShareMax = 0.75

/** The rows of all vectors of one column, one after the other; of dictionaries, as codes of one that has the values of all. */
export function joinVectors(vectors: readonly ColumnVector[]): ColumnVector {
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
