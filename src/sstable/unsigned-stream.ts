/**
 * A run of unsigned 32-bit integers, the common part of most encodings. Layout, from a multiple of eight bytes on:
 *
 *   u8 mode (0 packed, 1 run-length) · u8 width · u8 width of run lengths · u8 0 · u32 runs (packed: 0)
 *   packed:      count values, bit-packed, padded to 8 bytes
 *   run-length:  the runs' values, bit-packed, padded; the runs' lengths − 1, bit-packed, padded
 */
import { bitsFor, pack, packedWords, packingWidth, unpack } from './bit-packing.ts'
import type { PayloadReader } from './payload-reader.ts'
import type { PayloadWriter } from './payload-writer.ts'
import { scratchRuns } from './scratch.ts'

const packedMode = 0
const runMode = 1

/** How many bytes `writeUnsigned` will about take. */
export function unsignedSizeBytes(count: number, max: number, runs: number): number {
  return 8 + Math.min((count * packingWidth(max)) / 8, runSizeBytes(count, max, runs))
}

/** Assumes that one run may be as long as four mean ones. Runs must save half of the packed size to be worth their while. */
function runSizeBytes(count: number, max: number, runs: number): number {
  return 2 * ((runs * (bitsFor(max) + bitsFor(Math.ceil((4 * count) / runs)))) / 8 + 16)
}

/** Writes `values[0 .. count)`. */
export function writeUnsigned(out: PayloadWriter, values: Uint32Array, count: number): void {
  let max = 0
  let runs = 0
  let previous = -1
  for (let i = 0; i < count; i++) {
    const value = values[i] as number
    if (value > max) max = value
    if (value !== previous) runs++
    previous = value
  }
  if (runs > 0 && runSizeBytes(count, max, runs) < (count * packingWidth(max)) / 8) writeRuns(out, values, count, runs, max)
  else writePacked(out, values, count, packingWidth(max))
}

function writePacked(out: PayloadWriter, values: Uint32Array, count: number, width: number): void {
  writeHeader(out, packedMode, width, 0, 0)
  pack(values, count, width, out.words(packedWords(count, width)))
  out.align()
}

function writeRuns(out: PayloadWriter, values: Uint32Array, count: number, runs: number, max: number): void {
  const runValues = new Uint32Array(runs)
  const runLengths = new Uint32Array(runs)
  let run = -1
  let longest = 0
  for (let i = 0, start = 0; i < count; i++) {
    if (i === 0 || values[i] !== values[i - 1]) {
      runValues[++run] = values[i] as number
      start = i
    }
    runLengths[run] = i - start
    if (i - start > longest) longest = i - start
  }
  const valueWidth = bitsFor(max)
  const lengthWidth = bitsFor(longest)
  writeHeader(out, runMode, valueWidth, lengthWidth, runs)
  pack(runValues, runs, valueWidth, out.words(packedWords(runs, valueWidth)))
  out.align()
  pack(runLengths, runs, lengthWidth, out.words(packedWords(runs, lengthWidth)))
  out.align()
}

function writeHeader(out: PayloadWriter, mode: number, width: number, lengthWidth: number, runs: number): void {
  out.align()
  out.u8(mode)
  out.u8(width)
  out.u8(lengthWidth)
  out.u8(0)
  out.u32(runs)
}

/** What a stream is, before its values are read. */
export interface UnsignedStream {
  readonly count: number
  readonly width: number
  /** Packed: the words. Run-length: those of the runs' values. */
  readonly words: Uint32Array
  readonly runs: { readonly count: number; readonly lengthWidth: number; readonly words: Uint32Array } | undefined
}

/** Steps over a stream of `count` values. */
export function readUnsigned(reader: PayloadReader, count: number): UnsignedStream {
  reader.align()
  const mode = reader.u8()
  const width = reader.u8()
  const lengthWidth = reader.u8()
  reader.u8()
  const runCount = reader.u32()
  if (mode > runMode || width > 32 || lengthWidth > 32 || runCount > count)
    throw new RangeError('a stream of integers has an impossible header')
  const words = reader.words(packedWords(mode === packedMode ? count : runCount, width))
  reader.align()
  if (mode === packedMode) return { count, width, words, runs: undefined }
  const lengthWords = reader.words(packedWords(runCount, lengthWidth))
  reader.align()
  return { count, width, words, runs: { count: runCount, lengthWidth, words: lengthWords } }
}

/** Writes the stream's values to `values[0 .. count)`. */
export function expandUnsigned(stream: UnsignedStream, values: Uint32Array): void {
  const { runs } = stream
  if (runs === undefined) {
    unpack(stream.words, stream.count, stream.width, values)
    return
  }
  const scratch = scratchRuns(runs.count * 2)
  const runValues = scratch.subarray(0, runs.count)
  const runLengths = scratch.subarray(runs.count, runs.count * 2)
  unpack(stream.words, runs.count, stream.width, runValues)
  unpack(runs.words, runs.count, runs.lengthWidth, runLengths)
  let at = 0
  for (let run = 0; run < runs.count; run++) {
    const value = runValues[run] as number
    const end = at + (runLengths[run] as number) + 1
    if (end > stream.count) throw new RangeError('runs are longer than their stream')
    if (end - at > 16) values.fill(value, at, end)
    else for (let i = at; i < end; i++) values[i] = value
    at = end
  }
  if (at !== stream.count) throw new RangeError('runs are shorter than their stream')
}

/** The stream laid straight over its bytes, if it is packed at exactly `width` (8 or 16) bits. */
export function overlayUnsigned(stream: UnsignedStream, width: 8): Uint8Array | undefined
export function overlayUnsigned(stream: UnsignedStream, width: 16): Uint16Array | undefined
export function overlayUnsigned(stream: UnsignedStream, width: 8 | 16): Uint8Array | Uint16Array | undefined {
  if (stream.width !== width || stream.runs !== undefined) return undefined
  const { buffer, byteOffset } = stream.words
  return width === 8 ? new Uint8Array(buffer, byteOffset, stream.count) : new Uint16Array(buffer, byteOffset, stream.count)
}
