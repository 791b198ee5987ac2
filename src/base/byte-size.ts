/** A size in bytes, or with a unit: `4096`, `'64KiB'`, `'1.5GiB'`. Units are powers of 1024. */
export type ByteSize = number | `${number}${'B' | 'KiB' | 'MiB' | 'GiB'}`

const unitBytes: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 }
const pattern = /^(\d+(?:\.\d+)?)(B|KiB|MiB|GiB)$/

/** What a byte size looks like, for error messages. */
export const byteSizeExpectation = "a size in bytes: a whole number, or a string like '64MiB' (B, KiB, MiB, GiB)"

/** The size in bytes (a whole number from 0 to 2^53 − 1), or undefined if the value is not a byte size. */
export function tryParseByteSize(value: unknown): number | undefined {
  const bytes = typeof value === 'string' ? parseText(value) : value
  return Number.isSafeInteger(bytes) && (bytes as number) >= 0 ? (bytes as number) : undefined
}

/** The size in bytes. Throws a TypeError if the value is not a byte size. */
export function parseByteSize(size: ByteSize): number {
  const bytes = tryParseByteSize(size)
  if (bytes === undefined) throw new TypeError(`Expected ${byteSizeExpectation}, found ${JSON.stringify(size)}.`)
  return bytes
}

/** A size for people, in the largest unit that it fills, to one decimal: `64 MiB`, `1.5 KiB`, `17 B`. */
export function formatByteSize(sizeBytes: number): string {
  const unit =
    Math.abs(sizeBytes) >= 1024 ** 3 ? 'GiB' : Math.abs(sizeBytes) >= 1024 ** 2 ? 'MiB' : Math.abs(sizeBytes) >= 1024 ? 'KiB' : 'B'
  const amount = sizeBytes / (unitBytes[unit] ?? 1)
  return `${Number.isInteger(amount) ? amount : amount.toFixed(1)} ${unit}`
}

/** A fraction of a unit is rounded down to whole bytes; a fraction of a byte is none. */
function parseText(text: string): number | undefined {
  const [, digits, unit] = pattern.exec(text.trim()) ?? []
  if (digits === undefined || unit === undefined) return undefined
  if (unit === 'B' && digits.includes('.')) return undefined
  return Math.floor(Number(digits) * (unitBytes[unit] ?? 1))
}
