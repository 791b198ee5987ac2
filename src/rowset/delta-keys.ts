import type { FixedKeys } from '../schema/column-vector.ts'

/** Words of the key ($row, $time) of a change: 4 bytes and 8, which leaves no padding. */
const wordsPerKey = 3

/**
 * The keys of changes, as `encodeKeys` would make them of a block of the delta schema. `times`: one for each row, or one
 * number for all.
 */
export function deltaKeys(rows: Int32Array, times: Float64Array | number): FixedKeys {
  const words = new Uint32Array(rows.length * wordsPerKey)
  for (let i = 0, at = 0; i < rows.length; i++) {
    const time = typeof times === 'number' ? times : (times[i] as number)
    words[at++] = (rows[i] as number) ^ signBit
    words[at++] = Math.floor(time / 0x100000000) ^ signBit
    words[at++] = time
  }
  return { form: 'fixed', count: rows.length, wordsPerKey, words }
}

/** The row of an encoded key. */
export function rowOfDeltaKey(key: Uint8Array): number {
  return new DataView(key.buffer, key.byteOffset).getInt32(0) ^ signBit
}

const signBit = -0x80000000
