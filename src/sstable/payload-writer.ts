import { ByteWriter } from '../base/byte-writer.ts'

/**
 * The buffer in which a block's payload is put together, reused from block to block. Typed arrays go in at multiples
 * of eight bytes, so that the reader can lay one straight over what it read.
 */
export class PayloadWriter extends ByteWriter {
  constructor() {
    super(1 << 16)
  }

  i64(value: bigint): void {
    this.bytes(BigInt64Array.of(value))
  }

  /** LEB128 of a whole number from 0 to 2^53. */
  varint(value: number): void {
    let rest = value
    while (rest >= 128) {
      this.u8((rest % 128) + 128)
      rest = Math.floor(rest / 128)
    }
    this.u8(rest)
  }

  /** The bytes of a typed array, from a multiple of eight on. */
  array(array: ArrayBufferView): void {
    this.align()
    this.bytes(array)
  }

  /** Zeroed room for 32-bit words, from a multiple of eight on; valid until the next call. */
  words(count: number): Uint32Array {
    this.align()
    const room = this.view(this.reserve(count * 4))
    return new Uint32Array(room.buffer, room.byteOffset, count).fill(0)
  }
}
