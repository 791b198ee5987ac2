import { deflateRawSync, inflateRawSync } from 'node:zlib'
import type { Codec } from '../../src/plugin.ts'

const flipped = (bytes: Uint8Array) => bytes.map((byte) => byte ^ 0x5a)

/** A codec as a third party would write it: a module of its own, which workers import. */
export const codec: Codec = {
  name: 'flip',
  module: import.meta.url,
  compress: (bytes) => flipped(deflateRawSync(bytes)),
  decompress: (bytes) => new Uint8Array(inflateRawSync(flipped(bytes))),
}
