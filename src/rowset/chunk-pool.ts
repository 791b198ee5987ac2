import { invariant } from '../base/errors.ts'

/** Bytes of every shared buffer the pool makes. */
export const chunkBytes = 1 << 20

/** Bytes of a slab, the small piece in which a store begins: sixteen of them share one buffer. */
export const slabBytes = 1 << 16

const slabsPerChunk = chunkBytes / slabBytes
const allSlabsFree = (1 << slabsPerChunk) - 1

/**
 * A piece of shared memory: a whole chunk or a slab of one. Its content is whatever its last user left there, so that
 * a user writes every byte before reading it, or clears it.
 */
export interface SharedSpan {
  readonly buffer: SharedArrayBuffer
  readonly byteOffset: number
  readonly byteLength: number
}

/** Where spans come from. */
export interface SpanSource {
  /** A span with one reference, of `chunkBytes` or `slabBytes`; its content is arbitrary. */
  acquire(size: 'chunk' | 'slab'): SharedSpan
}

interface SharedChunk {
  readonly buffer: SharedArrayBuffer
  /** One bit a slab, 1: free. Only for a chunk that is cut into slabs. */
  freeSlabs: number
}

interface Lease {
  readonly chunk: SharedChunk
  /** The slab's ordinal; -1: the whole chunk. */
  readonly slab: number
  references: number
}

/**
 * The one source of shared buffers. The engine does not count shared memory, so that a dropped buffer may stay
 * resident for long: buffers of one fixed size are therefore counted by their users (store, scan, job) and used again
 * when the last of them lets go; none is dropped while it is likely to be needed again. Main thread only; workers are handed buffers and never free them.
 */
export class ChunkPool implements SpanSource {
  /** Shared buffers made since the pool was; tests hold it against the most that were ever in use. */
  createdCount = 0
  /** Bytes of spans that somebody holds. */
  usedBytes = 0

  private readonly idle: SharedChunk[] = []
  /** The fewest chunks that were idle at a time since `trimUnused`. */
  private idleLow = 0
  private readonly cut: SharedChunk[] = []
  private readonly leases = new Map<SharedSpan, Lease>()
  private residentBytes = 0

  /** Bytes of buffers kept that nobody holds, free slabs included. */
  get idleBytes(): number {
    return this.residentBytes - this.usedBytes
  }

  /** Buffers kept of which nobody holds any part. */
  get idleCount(): number {
    return this.idle.length
  }

  /** A span with one reference, of `chunkBytes` or `slabBytes`; its content is arbitrary. */
  acquire(size: 'chunk' | 'slab'): SharedSpan {
    return size === 'chunk' ? this.lease(this.wholeChunk(), -1) : this.acquireSlab()
  }

  /** Adds a reference to a span that is held. */
  retain(span: SharedSpan): void {
    this.leaseOf(span).references++
  }

  /** Drops a reference; with the last one the span goes back to the pool and must not be touched again. */
  release(span: SharedSpan): void {
    const lease = this.leaseOf(span)
    if (--lease.references > 0) return
    this.leases.delete(span)
    this.usedBytes -= span.byteLength
    if (lease.slab < 0) this.putBack(lease.chunk)
    else this.releaseSlab(lease.chunk, lease.slab)
  }

  /** Lets go of the free buffers that nobody took since the last call: what stores need to take turns stays. */
  trimUnused(): void {
    this.idle.length -= this.idleLow
    this.residentBytes -= this.idleLow * chunkBytes
    this.idleLow = this.idle.length
  }

  private leaseOf(span: SharedSpan): Lease {
    const lease = this.leases.get(span)
    invariant(lease !== undefined, 'a shared span was used after its last reference was released')
    return lease
  }

  private lease(chunk: SharedChunk, slab: number): SharedSpan {
    const span = { buffer: chunk.buffer, byteOffset: Math.max(slab, 0) * slabBytes, byteLength: slab < 0 ? chunkBytes : slabBytes }
    this.leases.set(span, { chunk, slab, references: 1 })
    this.usedBytes += span.byteLength
    return span
  }

  private wholeChunk(): SharedChunk {
    const recycled = this.idle.pop()
    this.idleLow = Math.min(this.idleLow, this.idle.length)
    if (recycled) return recycled
    const chunk = { buffer: new SharedArrayBuffer(chunkBytes), freeSlabs: 0 }
    this.createdCount++
    this.residentBytes += chunkBytes
    return chunk
  }

  private putBack(chunk: SharedChunk): void {
    this.idle.push(chunk)
  }

  private acquireSlab(): SharedSpan {
    let chunk = this.cut.at(-1)
    if (!chunk) {
      chunk = this.wholeChunk()
      chunk.freeSlabs = allSlabsFree
      this.cut.push(chunk)
    }
    const slab = 31 - Math.clz32(chunk.freeSlabs)
    chunk.freeSlabs &= ~(1 << slab)
    if (chunk.freeSlabs === 0) this.cut.pop()
    return this.lease(chunk, slab)
  }

  private releaseSlab(chunk: SharedChunk, slab: number): void {
    if (chunk.freeSlabs === 0) this.cut.push(chunk)
    chunk.freeSlabs |= 1 << slab
    if (chunk.freeSlabs !== allSlabsFree) return
    chunk.freeSlabs = 0
    this.cut.splice(this.cut.indexOf(chunk), 1)
    this.putBack(chunk)
  }
}
