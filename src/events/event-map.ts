import { token } from '../base/token.ts'

/** A file of the database, as events name it. */
export interface FileInfo {
  readonly fileNumber: number
  readonly kind: 'sstable' | 'delta'
  readonly path: string
  readonly sizeBytes: number
  readonly rows: number
  readonly table: string
  /** The tablet's (partition's) ordinal within its table. */
  readonly tablet: number
  readonly rowset: number
}

interface Begin {
  /** Pairs a `:begin` with its one `:end`. What a maintenance op tells of its work carries the id of its run: a `flush:*` that of its `op:*`. */
  readonly jobId: number
  readonly reason: string
}
interface End extends Begin {
  readonly durationMs: number
  readonly error?: Error
}
interface FlushScope {
  readonly kind: 'mem-rowset' | 'delta-mem-store'
  readonly table: string
  readonly tablet: number
}
interface CompactionScope {
  readonly kind: 'minor-delta' | 'major-delta' | 'merging'
  readonly table: string
  readonly tablet: number
  /** Files that it reads; those that it replaces are among them. */
  readonly inputs: readonly FileInfo[]
}
interface CheckpointScope {
  readonly directory: string
  /** The manifest, and its length, at the point of which the checkpoint is. */
  readonly manifest: { readonly fileNumber: number; readonly sizeBytes: number }
}
interface OpScope {
  readonly op: string
  readonly kind: string
}
interface NumberedFile {
  readonly fileNumber: number
  readonly path: string
}

/**
 * Every event and what it carries. A plugin adds its own by augmenting this interface. Each `:begin` has exactly one
 * `:end` with the same `jobId`. Events are emitted on the main thread, in the tick in which the thing happened.
 */
export interface EventMap {
  'flush:begin': Begin & FlushScope
  /** In the same tick as the installation, before any file is cleaned. `outputs` is empty if it failed. */
  'flush:end': End & FlushScope & { readonly outputs: readonly FileInfo[] }
  'compaction:begin': Begin & CompactionScope
  /** In the same tick as the installation, before any file is cleaned. `outputs` is empty if it failed, or left nothing to write. */
  'compaction:end': End & CompactionScope & { readonly outputs: readonly FileInfo[] }
  'sstable:created': { readonly file: FileInfo }
  /** In the same tick as the installation, and after `sstable:created` of each file. */
  'sstable:ingested': { readonly files: readonly FileInfo[] }
  'delta:created': { readonly file: FileInfo }
  /** The cleaner is done with the file, whatever its kind. */
  'file:deleted': { readonly path: string; readonly kind: string }
  'manifest:created': NumberedFile
  /** After the `file:deleted` of it. */
  'manifest:deleted': NumberedFile
  'wal:created': NumberedFile
  /** After the `file:deleted` of it. */
  'wal:deleted': NumberedFile
  /** In the tick whose state the checkpoint has. One that is refused for its directory tells nothing. */
  'checkpoint:begin': Begin & CheckpointScope
  'checkpoint:end': End & CheckpointScope & { readonly fileCount: number; readonly linkedBytes: number; readonly copiedBytes: number }
  'write-stall:begin': Begin
  'write-stall:end': End
  'memory:pressure': { readonly level: string; readonly usedBytes: number; readonly limitBytes: number }
  'op:decision': {
    readonly op: string | undefined
    readonly reason: string
    readonly candidates: readonly { readonly op: string; readonly score: number }[]
  }
  'op:begin': Begin & OpScope
  'op:end': End & OpScope
  /** Something failed where no caller waits: a maintenance op, a listener, a cleaning. */
  'background-error': { readonly error: Error; readonly context: Readonly<Record<string, unknown>> }
}

export type EventName = keyof EventMap
export type Listener<P> = (payload: P) => void

/**
 * Observe only: a listener cannot delay or refuse anything. One that throws is reported as `background-error` and
 * harms neither the emitter nor the other listeners.
 */
export interface EventBus {
  /** Disposing the result unsubscribes. */
  on<E extends EventName>(event: E, listener: Listener<EventMap[E]>): Disposable
  /** Resolves with the next payload; rejects with ABORTED when the signal fires. */
  once<E extends EventName>(event: E, o?: { signal?: AbortSignal }): Promise<EventMap[E]>
  emit<E extends EventName>(event: E, payload: EventMap[E]): void
}
export const EventBus = token<EventBus>('EventBus')
