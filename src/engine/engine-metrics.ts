import { DeltaFile } from '../rowset/delta-file.ts'
import type { Metrics } from './metrics.ts'
import { readHeight } from './read-height.ts'
import type { StorageEngine } from './storage-engine.ts'

/** What `db.metrics()` says. */
export function databaseMetrics(engine: StorageEngine): Metrics {
  const { memory, cache, rowCache } = engine.parts
  const { counts, throttle, wal, tablets } = engine
  const rowsets = tablets.flatMap((tablet) => tablet.disk.rowsets)
  const deltas = rowsets.flatMap(({ deltas: { undo, redo } }) => [...undo, ...redo]).filter((source) => source instanceof DeltaFile)
  const sstableBytes = rowsets.reduce((sum, { meta }) => sum + meta.sizeBytes, 0)
  const deltaBytes = deltas.reduce((sum, { meta }) => sum + meta.sizeBytes, 0)
  const logged = wal?.writtenBytes ?? 0
  const cameIn = logged + counts.ingestedBytes
  const written = cameIn + counts.flushedBytes + counts.compactedBytesWritten
  return {
    memory: {
      limitBytes: memory.limitBytes,
      usedBytes: memory.usedBytes,
      heldBytes: memory.heldBytes,
      writeBufferBytes: engine.chunks.usedBytes,
      level: memory.level(),
    },
    cache: { ...cache.stats(), usedBytes: cache.usedBytes, capacityBytes: cache.capacityBytes },
    ...(rowCache && { rowCache: { ...rowCache.stats(), usedBytes: rowCache.usedBytes, capacityBytes: rowCache.capacityBytes } }),
    wal: {
      retainedBytes: wal?.retainedBytes ?? 0,
      writtenBytes: wal?.writtenBytes ?? 0,
      syncCount: wal?.syncCount ?? 0,
      lastOpId: engine.lastAppliedOp,
      syncedOpId: wal?.syncedOpId ?? 0,
    },
    writes: { batches: counts.batches, rows: counts.rows, stallCount: throttle?.stallCount ?? 0, stallMs: throttle?.stallMs ?? 0 },
    flush: { count: counts.flushes, failedCount: counts.flushFailures, rows: counts.flushedRows, bytesWritten: counts.flushedBytes },
    ingest: { count: counts.ingests, rows: counts.ingestedRows, bytesWritten: counts.ingestedBytes },
    compaction: {
      count: counts.compactions,
      failedCount: counts.compactionFailures,
      bytesRead: counts.compactedBytesRead,
      bytesWritten: counts.compactedBytesWritten,
    },
    files: { sstables: rowsets.length, sstableBytes, deltas: deltas.length, deltaBytes },
    amplification: {
      write: cameIn === 0 ? 1 : written / cameIn,
      readHeight: Math.max(0, ...tablets.map(({ disk }) => readHeight(disk.rowsets))),
      space: sstableBytes === 0 ? 0 : (sstableBytes + deltaBytes + (wal?.retainedBytes ?? 0)) / sstableBytes,
    },
  }
}
