import type { Metrics } from './metrics.ts'
import type { StorageEngine } from './storage-engine.ts'

/** What `db.metrics()` says. */
export function databaseMetrics(engine: StorageEngine): Metrics {
  const { memory, cache, rowCache } = engine.parts
  const { counts, throttle, wal, tablets } = engine
  const rowsets = tablets.flatMap((tablet) => tablet.disk.rowsets)
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
    files: { sstables: rowsets.length, sstableBytes: rowsets.reduce((sum, { meta }) => sum + meta.sizeBytes, 0) },
  }
}
