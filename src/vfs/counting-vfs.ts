import { InterceptingVfs, type VfsCall, type VfsInterceptor } from './intercepting-vfs.ts'
import type { FileKind, Vfs, VfsHandle } from './vfs.ts'
import { localVfsHandle } from './vfs-handle.ts'

/** Traffic with files of one kind. */
export interface FileTraffic {
  reads: number
  readBytes: number
  writes: number
  writtenBytes: number
  syncs: number
}

/** A file system that counts what is read and written, by kind of file. */
export interface CountingVfs extends Vfs {
  /** Counted so far; the same object for the life of the file system. */
  readonly traffic: Readonly<Record<FileKind | 'other', Readonly<FileTraffic>>>
  /** The sum over all kinds. */
  total(): FileTraffic
  /** Sets all counters to 0. */
  reset(): void
}

/**
 * Counts the traffic with another file system. What workers read and write on disk by its handle is not counted,
 * since they open the files by themselves; in memory it is.
 */
export function countingVfs(inner: Vfs): CountingVfs {
  return new CountedVfs(inner)
}

/** The kind of a database's file by its name, as docs/file-format.md lists them. */
export function fileKindOf(path: string): FileKind | 'other' {
  const name = path.slice(path.lastIndexOf('/') + 1)
  if (name.endsWith('.tmp')) return 'temp'
  if (name.endsWith('.sst')) return 'sstable'
  if (name.endsWith('.delta')) return 'delta'
  if (name.endsWith('.wal')) return 'wal'
  return name === 'CURRENT' || name.startsWith('MANIFEST-') ? 'manifest' : 'other'
}

class TrafficCounter implements VfsInterceptor {
  readonly traffic = {
    sstable: noTraffic(),
    delta: noTraffic(),
    manifest: noTraffic(),
    wal: noTraffic(),
    temp: noTraffic(),
    other: noTraffic(),
  }

  after(call: VfsCall, bytes: number): void {
    const { op, path } = call
    if (op !== 'append' && op !== 'read' && op !== 'readFile' && op !== 'sync') return
    const counted = this.traffic[fileKindOf(path)]
    if (op === 'append') {
      counted.writes++
      counted.writtenBytes += bytes
    } else if (op === 'sync') {
      counted.syncs++
    } else {
      counted.reads++
      counted.readBytes += bytes
    }
  }
}

class CountedVfs extends InterceptingVfs implements CountingVfs {
  readonly traffic: TrafficCounter['traffic']

  constructor(inner: Vfs) {
    const counter = new TrafficCounter()
    super({ name: inner.name, inner, interceptor: counter })
    this.traffic = counter.traffic
  }

  total(): FileTraffic {
    const sum = noTraffic()
    for (const counted of Object.values(this.traffic)) add(sum, counted, 1)
    return sum
  }

  reset(): void {
    for (const counted of Object.values(this.traffic)) add(counted, counted, -1)
  }

  override handle(): VfsHandle {
    const handle = super.handle()
    return 'local' in handle ? localVfsHandle(this) : handle
  }
}

function noTraffic(): FileTraffic {
  return { reads: 0, readBytes: 0, writes: 0, writtenBytes: 0, syncs: 0 }
}

function add(to: FileTraffic, more: FileTraffic, times: 1 | -1): void {
  to.reads += times * more.reads
  to.readBytes += times * more.readBytes
  to.writes += times * more.writes
  to.writtenBytes += times * more.writtenBytes
  to.syncs += times * more.syncs
}
