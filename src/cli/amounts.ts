/** A count with thousands separators: `3,000,000`. */
export function countText(count: number | bigint): string {
  return String(count).replace(/\B(?=(\d{3})+(?!\d))/g, ',')
}

/** `1 row`, `3,000 rows`; the plural is the singular with an s unless given. */
export function countOf(count: number, singular: string, plural = `${singular}s`): string {
  return `${countText(count)} ${count === 1 ? singular : plural}`
}

/** A size in MiB, with two decimals: `64.00`. Sizes in one unit can be compared down a column. */
export function mebibytesText(sizeBytes: number): string {
  const [whole = '0', decimals = '00'] = (sizeBytes / 1024 ** 2).toFixed(2).split('.')
  return `${countText(BigInt(whole))}.${decimals}`
}

/** A number with a fixed count of decimals and thousands separators. */
export function decimalText(value: number, decimals: number): string {
  const [whole = '0', rest] = value.toFixed(decimals).split('.')
  return rest === undefined ? countText(BigInt(whole)) : `${whole.replace(/\B(?=(\d{3})+(?!\d))/g, ',')}.${rest}`
}

/** A duration for people: `340 ms`, `4.1 s`, `2 min 5 s`. */
export function durationText(durationMs: number): string {
  if (durationMs < 1000) return `${Math.round(durationMs)} ms`
  if (durationMs < 60_000) return `${(durationMs / 1000).toFixed(1)} s`
  const seconds = Math.round(durationMs / 1000)
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}
