import type { BytesVector } from '../schema/column-vector.ts'

/** The base's values with those of the patch in its rows (ascending), and the nulls that come of it. Null rows are empty in both. */
export function patchBytes(base: BytesVector, rows: Int32Array, patch: BytesVector, nulls: Uint8Array | undefined): BytesVector {
  const { length } = base
  const offsets = new Uint32Array(length + 1)
  let total = 0
  for (let i = 0, k = 0; i < length; i++) {
    if (k < rows.length && rows[k] === i) {
      total += (patch.offsets[k + 1] as number) - (patch.offsets[k] as number)
      k++
    } else total += (base.offsets[i + 1] as number) - (base.offsets[i] as number)
    offsets[i + 1] = total
  }
  const bytes = new Uint8Array(total)
  let done = 0
  for (let k = 0; k <= rows.length; k++) {
    const row = k < rows.length ? (rows[k] as number) : length
    copyBytes(base.bytes, base.offsets[done] as number, base.offsets[row] as number, bytes, offsets[done] as number)
    if (k === rows.length) break
    copyBytes(patch.bytes, patch.offsets[k] as number, patch.offsets[k + 1] as number, bytes, offsets[row] as number)
    done = row + 1
  }
  return { form: 'bytes', length, offsets, bytes, nulls }
}

/** Up to here a loop is faster than a call. */
const loopBytesMax = 64

function copyBytes(from: Uint8Array, begin: number, end: number, to: Uint8Array, at: number): void {
  if (end - begin > loopBytesMax) to.set(from.subarray(begin, end), at)
  else for (let i = begin, k = at; i < end; i++) to[k++] = from[i] as number
}
