import { invariant } from '../base/errors.ts'
import { readUtf8 } from '../schema/utf8.ts'
import { chunkBytes, type SharedSpan, slabBytes } from './chunk-pool.ts'

const chunkShift = 20
const chunkMask = chunkBytes - 1

/** Positions are stored in 32 bits. */
export const heapBytesMax = 0xffffffff

/**
 * Bytes of values end to end in shared spans: a slab first, chunks after it. Values may straddle spans. The heap knows
 * no values: whoever writes says where, and reads only what was written.
 */
export class ByteHeap {
  readonly spans: SharedSpan[] = []
  private readonly views: Uint8Array[] = []

  /** Bytes there is room for. */
  get capacityBytes(): number {
    return this.spans.length === 0 ? 0 : slabBytes + (this.spans.length - 1) * chunkBytes
  }

  /** Adds room. The first span is a slab, every other one a chunk. */
  addSpan(span: SharedSpan): void {
    invariant(span.byteLength === (this.spans.length === 0 ? slabBytes : chunkBytes), 'a heap is a slab and then chunks')
    this.spans.push(span)
    this.views.push(new Uint8Array(span.buffer, span.byteOffset, span.byteLength))
  }

  /** Copies `bytes[from .. to)` to `position`; there must be room. */
  write(position: number, bytes: Uint8Array, from: number, to: number): void {
    while (from < to) {
      const ordinal = spanOf(position)
      const view = this.view(ordinal)
      const offset = offsetIn(position, ordinal)
      const count = Math.min(to - from, view.length - offset)
      copyBytes(bytes, from, view, offset, count)
      from += count
      position += count
    }
  }

  /** Copies the bytes `[from .. to)` into `target` from `at` on. */
  copyTo(target: Uint8Array, at: number, from: number, to: number): void {
    while (from < to) {
      const ordinal = spanOf(from)
      const view = this.view(ordinal)
      const offset = offsetIn(from, ordinal)
      const count = Math.min(to - from, view.length - offset)
      copyBytes(view, offset, target, at, count)
      from += count
      at += count
    }
  }

  /** The bytes `[from .. to)`: a view of the shared memory where they lie in one span, else a copy. */
  bytes(from: number, to: number): Uint8Array {
    if (from === to) return noBytes
    const ordinal = spanOf(from)
    const view = this.view(ordinal)
    const offset = offsetIn(from, ordinal)
    if (offset + (to - from) <= view.length) return view.subarray(offset, offset + (to - from))
    const copy = new Uint8Array(to - from)
    this.copyTo(copy, 0, from, to)
    return copy
  }

  /** The bytes `[from .. to)` as a string. */
  text(from: number, to: number): string {
    if (from === to) return ''
    const ordinal = spanOf(from)
    const view = this.view(ordinal)
    const offset = offsetIn(from, ordinal)
    if (offset + (to - from) <= view.length) return readUtf8(view, offset, offset + (to - from))
    return readUtf8(this.bytes(from, to), 0, to - from)
  }

  /** Orders the bytes `[from .. to)` against `other[otherFrom .. otherTo)`: negative, 0 or positive. */
  compare(from: number, to: number, other: Uint8Array, otherFrom: number, otherTo: number): number {
    const length = Math.min(to - from, otherTo - otherFrom)
    let done = 0
    while (done < length) {
      const ordinal = spanOf(from + done)
      const view = this.view(ordinal)
      const offset = offsetIn(from + done, ordinal)
      const count = Math.min(length - done, view.length - offset)
      for (let i = 0; i < count; i++) {
        const difference = (view[offset + i] as number) - (other[otherFrom + done + i] as number)
        if (difference !== 0) return difference
      }
      done += count
    }
    return to - from - (otherTo - otherFrom)
  }

  /** Orders two values of the heap: negative, 0 or positive. */
  compareOwn(from: number, to: number, otherFrom: number, otherTo: number): number {
    if (otherFrom === otherTo) return to - from
    const ordinal = spanOf(otherFrom)
    const view = this.view(ordinal)
    const offset = offsetIn(otherFrom, ordinal)
    const end = offset + otherTo - otherFrom
    if (end <= view.length) return this.compare(from, to, view, offset, end)
    const other = this.bytes(otherFrom, otherTo)
    return this.compare(from, to, other, 0, other.length)
  }

  /** The big-endian 32-bit word at `at`, with zero bytes from `end` on. */
  wordAt(at: number, end: number): number {
    if (at >= end) return 0
    const ordinal = spanOf(at)
    const view = this.view(ordinal)
    const offset = offsetIn(at, ordinal)
    const count = Math.min(end - at, 4)
    if (offset + 4 <= view.length && count === 4) {
      return (
        (((view[offset] as number) << 24) |
          ((view[offset + 1] as number) << 16) |
          ((view[offset + 2] as number) << 8) |
          (view[offset + 3] as number)) >>>
        0
      )
    }
    const bytes = this.bytes(at, at + count)
    let word = 0
    for (let k = 0; k < 4; k++) word = (word << 8) | (bytes[k] ?? 0)
    return word >>> 0
  }

  private view(ordinal: number): Uint8Array {
    const view = this.views[ordinal]
    invariant(view !== undefined, 'a position beyond the end of a heap')
    return view
  }
}

const noBytes = new Uint8Array(0)

function spanOf(position: number): number {
  return position < slabBytes ? 0 : 1 + ((position - slabBytes) >>> chunkShift)
}

function offsetIn(position: number, ordinal: number): number {
  return ordinal === 0 ? position : (position - slabBytes) & chunkMask
}

/** Copies by hand below the length from which a call of `set` is worth its price. */
function copyBytes(source: Uint8Array, from: number, target: Uint8Array, at: number, count: number): void {
  if (count > 32) target.set(source.subarray(from, from + count), at)
  else for (let i = 0; i < count; i++) target[at + i] = source[from + i] as number
}
