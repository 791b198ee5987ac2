/**
 * Appends little-endian values to a buffer that grows. One writer serves many records: `reset` keeps its memory.
 * Not for one caller only: what `view` returns is overwritten after `reset`, and detached from the writer by growth.
 */
export class ByteWriter {
  #bytes: Uint8Array
  #view: DataView
  #length = 0

  constructor(capacityBytes = 1024) {
    this.#bytes = new Uint8Array(Math.max(capacityBytes, 16))
    this.#view = new DataView(this.#bytes.buffer)
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length
  }

  u8(value: number): void {
    this.#room(1)
    this.#bytes[this.#length++] = value
  }

  u16(value: number): void {
    this.#room(2)
    this.#view.setUint16(this.#length, value, true)
    this.#length += 2
  }

  u32(value: number): void {
    this.#room(4)
    this.#view.setUint32(this.#length, value, true)
    this.#length += 4
  }

  /** A whole number from 0 to 2^53 − 1, in 8 bytes. */
  u64(value: number): void {
    this.#room(8)
    this.#view.setUint32(this.#length, value % 4294967296, true)
    this.#view.setUint32(this.#length + 4, Math.floor(value / 4294967296), true)
    this.#length += 8
  }

  f64(value: number): void {
    this.#room(8)
    this.#view.setFloat64(this.#length, value, true)
    this.#length += 8
  }

  /** The bytes that an array or view holds, as they lie in memory. */
  bytes(source: ArrayBufferView): void {
    const length = source.byteLength
    this.#room(length)
    this.#bytes.set(source instanceof Uint8Array ? source : new Uint8Array(source.buffer, source.byteOffset, length), this.#length)
    this.#length += length
  }

  /** Zero bytes until the length is a multiple of `alignment`. */
  align(alignment = 8): void {
    const padding = (alignment - (this.#length % alignment)) % alignment
    this.#room(padding)
    this.#bytes.fill(0, this.#length, this.#length + padding)
    this.#length += padding
  }

  /** Makes room for `length` bytes, to be filled in later or through `view`; their content is undefined. Returns where they begin. */
  reserve(length: number): number {
    this.#room(length)
    const at = this.#length
    this.#length += length
    return at
  }

  /** Overwrites 4 bytes that were written or reserved before. */
  setU32(at: number, value: number): void {
    this.#view.setUint32(at, value, true)
  }

  /** What was written, without a copy: valid until the next write or `reset`. */
  view(from = 0, to = this.#length): Uint8Array {
    return this.#bytes.subarray(from, to)
  }

  /** A copy of what was written. */
  take(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }

  /** Forgets what was written. Memory above `keepBytesMax` is given back, so that one huge record is not paid for ever. */
  reset(keepBytesMax = Number.POSITIVE_INFINITY): void {
    this.#length = 0
    if (this.#bytes.length > keepBytesMax) this.#replace(new Uint8Array(Math.max(keepBytesMax, 16)))
  }

  /** Cuts what was written back to `length` bytes. */
  truncate(length: number): void {
    this.#length = Math.min(this.#length, length)
  }

  #room(length: number): void {
    const needed = this.#length + length
    if (needed <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
    grown.set(this.#bytes.subarray(0, this.#length))
    this.#replace(grown)
  }

  #replace(bytes: Uint8Array): void {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer)
  }
}
