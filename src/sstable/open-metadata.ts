/**
 * Opening a file: header, trailer, metadata block, each checked. One read of the end brings trailer and, as a rule,
 * metadata. The steps are a generator that asks for reads, so that they serve blocking and other callers alike.
 */
import type { ReadableFile } from '../vfs/vfs.ts'
import { blockCorruption, openBlock } from './block.ts'
import { blockEncodings } from './block-encoding.ts'
import { checkHeader, fileHeaderBytes, fileTrailerBytes, frameCorruption, readTrailer } from './file-frame.ts'
import { PayloadReader } from './payload-reader.ts'
import { readMetadata, type SSTableMetadata } from './sstable-metadata.ts'

const tailBytes = 64 * 1024

type Read = { readonly offset: number; readonly length: number }

function* steps(sizeBytes: number, path: string): Generator<Read, SSTableMetadata, Uint8Array> {
  checkHeader(yield { offset: 0, length: fileHeaderBytes }, path)
  // From a multiple of eight, so that blocks within the tail are aligned. What is not a whole number of eights is cut short.
  if (sizeBytes % 8 !== 0 || sizeBytes < fileHeaderBytes + fileTrailerBytes) throw frameCorruption(path, sizeBytes, 'it is cut short')
  const tailOffset = Math.max(0, sizeBytes - tailBytes)
  const tail = yield { offset: tailOffset, length: sizeBytes - tailOffset }
  const place = readTrailer(tail, sizeBytes, path)
  const bytes =
    place.offset >= tailOffset
      ? tail.subarray(place.offset - tailOffset, tail.length - fileTrailerBytes)
      : yield { offset: place.offset, length: place.sizeBytes }
  return parse(bytes, place.offset, path)
}

function parse(bytes: Uint8Array, offset: number, path: string): SSTableMetadata {
  // The ordinal is known only from the content: taken from the header here, held against the content below.
  const ordinal = bytes.length >= 8 ? new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true) : 0
  const place = { path, offset, ordinal }
  const block = openBlock(bytes, place, undefined)
  if (block.encoding !== blockEncodings.metadata) throw blockCorruption(place, 'it is not the metadata')
  let metadata: SSTableMetadata
  try {
    metadata = readMetadata(new PayloadReader(block.payload))
  } catch (cause) {
    throw blockCorruption(place, 'its content is malformed', cause)
  }
  const { blockOffsets, rows } = metadata
  if (ordinal !== blockOffsets.length - 1 || blockOffsets[ordinal] !== offset || block.rows !== rows)
    throw blockCorruption(place, 'the blocks it lists do not fill the file')
  return metadata
}

/** Reads the metadata. CORRUPTION { path, offset } for a damaged, truncated or foreign file; FORMAT_UNSUPPORTED for a later one. */
export async function openMetadata(file: ReadableFile): Promise<SSTableMetadata> {
  const generator = steps(await file.size(), file.path)
  let step = generator.next()
  while (step.done !== true) step = generator.next(await file.read(step.value.offset, step.value.length))
  return step.value
}

/** As `openMetadata`, blocking. */
export function openMetadataSync(file: ReadableFile): SSTableMetadata {
  const generator = steps(file.sizeSync(), file.path)
  let step = generator.next()
  while (step.done !== true) step = generator.next(file.readSync(step.value.offset, step.value.length))
  return step.value
}
