import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { VarveError } from '../base/errors.ts'
import { didYouMean } from '../base/suggest.ts'
import { contributionToken } from '../base/token.ts'

/**
 * Compresses blocks of SSTables on top of their encodings. Found by `name`, which is written into every file that uses
 * it: a codec whose bytes change must take a new name. Called with one block at a time, in workers by the writer and
 * on the main thread by the reader, so that both calls are synchronous and must keep no reference to their input.
 */
export interface Codec {
  readonly name: string
  compress(bytes: Uint8Array): Uint8Array
  /** Exactly `sizeBytes` bytes, or throws. The input was checked by its checksum. */
  decompress(bytes: Uint8Array, sizeBytes: number): Uint8Array
  /** A module (URL or package name) whose export `codec` is this codec: how a worker gets it. Built-in codecs alone need none. */
  readonly module?: string
}
export const Codec = contributionToken<Codec>('Codec')

/** Leaves blocks as their encodings made them. */
export const noneCodec: Codec = {
  name: 'none',
  compress: (bytes) => bytes,
  decompress: (bytes) => bytes,
}

/** Raw deflate at level 1 (`node:zlib`). */
export const deflateCodec: Codec = {
  name: 'deflate',
  compress: (bytes) => deflateRawSync(bytes, { level: 1 }),
  decompress: (bytes, sizeBytes) => {
    const plain = inflateRawSync(bytes, { maxOutputLength: Math.max(sizeBytes, 1) })
    if (plain.length !== sizeBytes) throw new RangeError(`inflated to ${plain.length} bytes instead of ${sizeBytes}`)
    return plain
  },
}

export const builtInCodecs: readonly Codec[] = [noneCodec, deflateCodec]

/** The codec of a name, among `codecs` and the built-in ones. FORMAT_UNSUPPORTED if there is none. */
export function findCodec(name: string, codecs: readonly Codec[] = []): Codec {
  const found = codecs.find((codec) => codec.name === name) ?? builtInCodecs.find((codec) => codec.name === name)
  if (found !== undefined) return found
  throw new VarveError(
    'FORMAT_UNSUPPORTED',
    `A file was compressed with the codec '${name}', which no plugin contributes: add the plugin that does.`,
    {
      context: { codec: name },
    },
  )
}

/** TypeError or PLUGIN_CONFLICT unless contributed codecs can be told from each other and be found by a worker. */
export function requireCodecs(codecs: readonly Codec[]): void {
  const names = new Set(builtInCodecs.map(({ name }) => name))
  for (const { name, module } of codecs) {
    if (typeof name !== 'string' || name === '') throw new TypeError('A codec needs a name: files say by it how they are compressed.')
    if (typeof module !== 'string')
      throw new TypeError(
        `The codec '${name}' says no module. Workers compress: give the URL of a module whose export "codec" it is, such as import.meta.url.`,
      )
    if (names.has(name))
      throw new VarveError('PLUGIN_CONFLICT', `There are two codecs '${name}'. Take one out, or rename it.`, { context: { codec: name } })
    names.add(name)
  }
}

/** For an option that names a codec: CONFIG_INVALID, with the nearest name, unless it is built in or among `codecs`. */
export function requireCodec(option: string, name: string, codecs: readonly Codec[]): void {
  const known = [...builtInCodecs, ...codecs].map((codec) => codec.name)
  if (known.includes(name)) return
  throw new VarveError(
    'CONFIG_INVALID',
    `${option} names the codec '${name}', which no plugin contributes; there are ${known.join(', ')}.${didYouMean(name, known)}`,
    { context: { option, codec: name, known } },
  )
}
