import { ByteReader } from '../base/byte-reader.ts'

/**
 * Reads what a `PayloadWriter` wrote. The arrays it hands out lie over the payload's own memory, which must begin at a
 * multiple of eight bytes.
 */
export class PayloadReader extends ByteReader {
  constructor(payload: Uint8Array) {
    super(payload, { what: 'the payload of a block' })
  }

  i64(): bigint {
    return BigInt.asIntN(64, BigInt(this.u32()) | (BigInt(this.u32()) << 32n))
  }

  varint(): number {
    let value = 0
    let scale = 1
    for (let i = 0; i < 8; i++) {
      const byte = this.u8()
      value += (byte & 127) * scale
      if (byte < 128) return value
      scale *= 128
    }
    throw this.corruption('holds a number of more than eight bytes')
  }

  words(count: number): Uint32Array {
    this.align()
    return this.array(Uint32Array, count)
  }
}
