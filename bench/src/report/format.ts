/** Three digits that count, with k, M or G: `1.25 M`. */
export function short(value: number): string {
  const size = Math.abs(value)
  if (size >= 1e9) return `${digits(value / 1e9)} G`
  if (size >= 1e6) return `${digits(value / 1e6)} M`
  if (size >= 1e4) return `${digits(value / 1e3)} k`
  return digits(value)
}

function digits(value: number): string {
  const size = Math.abs(value)
  if (Number.isInteger(value) && size < 10_000) return String(value)
  if (size < 1) return String(Number(value.toPrecision(3)))
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2)
}
