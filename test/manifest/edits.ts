import type { FileMeta, VersionEdit } from '../../src/manifest/version-edit.ts'
import type { TableSchema } from '../../src/schema/table-schema.ts'

/** A table with defaults of every kind that JSON cannot say. */
export function table(tableId: number, name = `t${tableId}`, version = 1): TableSchema {
  return {
    tableId,
    name,
    columns: [
      { id: 1, name: 'k', kind: 'int64', nullable: false, mode: 'bigint' },
      { id: 2, name: 'big', kind: 'int64', nullable: false, mode: 'bigint', default: 9007199254740993n },
      { id: 3, name: 'raw', kind: 'binary', nullable: false, mode: 'number', default: new Uint8Array([0, 255]) },
      { id: 4, name: 'x', kind: 'double', nullable: true, mode: 'number', default: Number.NaN },
      { id: 5, name: 'n', kind: 'string', nullable: true, mode: 'number', default: null },
    ],
    keyColumns: [0],
    partition: { scheme: 'none' },
    maintenance: { priority: 0, compaction: true },
    version,
    nextColumnId: 6,
  }
}

export function file(fileNumber: number, o: Partial<FileMeta> = {}): FileMeta {
  const bounds = { minKeyHex: '00', maxKeyHex: 'ff', minTimestamp: 1, maxTimestamp: 2 }
  return {
    fileNumber,
    role: 'base',
    tableId: 1,
    tablet: 0,
    rowset: fileNumber,
    sizeBytes: 100,
    rows: 10,
    ...bounds,
    flushedThroughOp: fileNumber,
    ...o,
  }
}

export function edit(o: Partial<VersionEdit> = {}): VersionEdit {
  return {
    reason: { kind: 'create-table', tableId: 1 },
    wallClockMs: 5,
    nextFileNumber: 1000,
    lastOpId: 0,
    lastTimestamp: 0,
    nextTableId: 100,
    ...o,
  }
}

/** The edit of a flush that adds one file. */
export function flush(fileNumber: number, o: Partial<VersionEdit> = {}): VersionEdit {
  const reason = { kind: 'flush-mem-rowset', tableId: 1, tablet: 0, generation: fileNumber, cut: fileNumber } as const
  const tablets = [{ tableId: 1, tablet: 0, flushedGeneration: fileNumber, flushedCut: fileNumber, historyHorizon: 0 }]
  return edit({ reason, lastOpId: fileNumber, addedFiles: [file(fileNumber)], tablets, ...o })
}
