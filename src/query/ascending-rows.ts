let rows = new Int32Array(0)

/** The numbers 0 … count − 1. Shared by all callers: not to be written to. */
export function ascendingRows(count: number): Int32Array {
  if (rows.length < count) rows = Int32Array.from({ length: Math.max(count, 8192) }, (_, i) => i)
  return rows.subarray(0, count)
}
