import { DeltaFile } from '../rowset/delta-file.ts'
import { DeltaMemStore } from '../rowset/delta-mem-store.ts'
import type { DiskRowSet } from '../rowset/disk-rowset.ts'
import type { DeltaSource } from '../rowset/row-changes.ts'
import { decodeKey, keyValuesToObject } from '../schema/key-encoding.ts'
import type { TableSchema } from '../schema/table-schema.ts'
import type { Tablet } from '../tablet/tablet.ts'
import type { EngineTable } from './engine-table.ts'
import type { DeltaFilesStats, RowSetDeltas, RowSetStats, TableStats, TabletStats } from './metrics.ts'
import { readHeight } from './read-height.ts'
import { rowsetBytes } from './rowset-bytes.ts'

/** What `table.stats()` says. */
export function tableStats({ schema, tablets }: EngineTable): TableStats {
  const each = tablets.map((tablet) => tabletStats(schema, tablet))
  const rowsets = each.flatMap((tablet) => tablet.rowsets)
  const diskRows = sum(rowsets, ({ rows }) => rows)
  const memoryRows = sum(each, (tablet) => tablet.memoryRows)
  return {
    rows: memoryRows + diskRows,
    memoryRows,
    memoryChanges: sum(each, (tablet) => tablet.memoryChanges),
    memoryBytes: sum(each, (tablet) => tablet.memoryBytes),
    diskRows,
    diskBytes: sum(rowsets, rowsetBytes),
    tablets: each,
  }
}

function tabletStats(schema: TableSchema, tablet: Tablet): TabletStats {
  const { live, frozen } = tablet
  const rowsets = tablet.disk.rowsets.map((rowset) => rowsetStats(schema, tablet, rowset))
  const changesInStores = [
    tablet.changesOf(live)?.changeCount ?? 0,
    frozen?.changes?.changeCount ?? 0,
    (frozen && tablet.changesOf(frozen.store)?.changeCount) ?? 0,
  ]
  return {
    tablet: tablet.ordinal,
    memoryRows: live.rowCount + (frozen?.store.rowCount ?? 0),
    memoryChanges: sum(changesInStores, (count) => count) + sum(rowsets, ({ deltas }) => deltas.memory.changes),
    memoryBytes: tablet.memoryBytes,
    height: readHeight(tablet.disk.rowsets),
    rowsets: rowsets.sort((a, b) => (a.minKeyHex < b.minKeyHex ? -1 : 1)),
  }
}

function rowsetStats(schema: TableSchema, tablet: Tablet, rowset: DiskRowSet): RowSetStats {
  const { meta } = rowset
  const shown = (hex: string) => keyText(schema, Buffer.from(hex, 'hex'))
  return {
    rowset: meta.rowset,
    fileNumber: meta.fileNumber,
    path: tablet.host.sstablePath(meta.fileNumber),
    rows: meta.rows,
    sizeBytes: meta.sizeBytes,
    minKey: shown(meta.minKeyHex),
    maxKey: shown(meta.maxKeyHex),
    minKeyHex: meta.minKeyHex,
    maxKeyHex: meta.maxKeyHex,
    deltas: deltasOf(rowset),
  }
}

function deltasOf({ deltas }: DiskRowSet): RowSetDeltas {
  const stores = deltas.redo.filter((source) => source instanceof DeltaMemStore)
  return {
    redo: filesStats(deltas.redo),
    undo: filesStats(deltas.undo),
    memory: { changes: sum(stores, ({ changeCount }) => changeCount), sizeBytes: sum(stores, ({ usedBytes }) => usedBytes) },
  }
}

function filesStats(sources: readonly DeltaSource[]): DeltaFilesStats {
  const files = sources.filter((source) => source instanceof DeltaFile)
  return {
    files: files.length,
    changes: sum(files, ({ changeCount }) => changeCount),
    sizeBytes: sum(files, ({ sizeBytes }) => sizeBytes),
  }
}

function sum<X>(all: readonly X[], of: (one: X) => number): number {
  let total = 0
  for (const one of all) total += of(one)
  return total
}

/** A key as people read it. */
function keyText(schema: TableSchema, encoded: Uint8Array): string {
  const shown = (_: string, value: unknown) =>
    typeof value === 'bigint' ? `${value}` : value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value
  return JSON.stringify(keyValuesToObject(schema, decodeKey(schema, encoded)), shown)
}
