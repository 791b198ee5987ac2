import { VarveError } from './errors.ts'

/** Element arrays that `ByteReader.array` can lay over bytes. */
export interface ArrayType<A> {
  readonly BYTES_PER_ELEMENT: number
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): A
}

/**
 * Reads little-endian values in order from `bytes[offset .. end)`. Nothing is ever read outside: what would be is
 * CORRUPTION { what, offset }, where `what` names the thing being read (`a log record`).
 */
export class ByteReader {
  readonly bytes: Uint8Array
  readonly end: number
  #at: number
  readonly #view: DataView
  readonly #what: string

  constructor(bytes: Uint8Array, o: { offset?: number; end?: number; what?: string } = {}) {
    this.bytes = bytes
    this.#at = o.offset ?? 0
    this.end = Math.min(o.end ?? bytes.length, bytes.length)
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#what = o.what ?? 'a record'
    if (!(this.#at >= 0 && this.#at <= this.end)) throw this.corruption('begins beyond its end')
  }

  /** Position in `bytes` of what is read next. */
  get offset(): number {
    return this.#at
  }

  get remaining(): number {
    return this.end - this.#at
  }

  u8(): number {
    return this.bytes[this.skip(1)] as number
  }

  u16(): number {
    return this.#view.getUint16(this.skip(2), true)
  }

  u32(): number {
    return this.#view.getUint32(this.skip(4), true)
  }

  /** A whole number from 0 to 2^53 − 1, in 8 bytes; anything above is corruption. */
  u64(): number {
    const at = this.skip(8)
    const value = this.#view.getUint32(at + 4, true) * 4294967296 + this.#view.getUint32(at, true)
    if (!Number.isSafeInteger(value)) throw this.corruption('holds a number above 2^53')
    return value
  }

  f64(): number {
    return this.#view.getFloat64(this.skip(8), true)
  }

  /** The next `length` bytes, without a copy. */
  view(length: number): Uint8Array {
    const at = this.skip(length)
    return this.bytes.subarray(at, at + length)
  }

  /** The next `length` elements: a view where they lie aligned in memory, else a copy. */
  array<A>(type: ArrayType<A>, length: number): A {
    const size = length * type.BYTES_PER_ELEMENT
    const from = this.skip(size)
    const at = this.bytes.byteOffset + from
    if (at % type.BYTES_PER_ELEMENT === 0) return new type(this.bytes.buffer, at, length)
    return new type(new Uint8Array(this.bytes.subarray(from, from + size)).buffer, 0, length)
  }

  /** Skips padding until the position, counted from `origin`, is a multiple of `alignment`. */
  align(alignment = 8, origin = 0): void {
    this.skip((alignment - ((this.#at - origin) % alignment)) % alignment)
  }

  /** Passes over `length` bytes; returns where they begin. */
  skip(length: number): number {
    const at = this.#at
    if (!(length >= 0 && length <= this.end - at)) throw this.corruption('is cut short')
    this.#at = at + length
    return at
  }

  /** The error for bytes that cannot be what was written; the message says where. */
  corruption(problem: string): VarveError {
    return new VarveError('CORRUPTION', `Corrupt data: ${this.#what} ${problem}, at byte ${this.#at}.`, {
      context: { what: this.#what, offset: this.#at },
    })
  }
}
