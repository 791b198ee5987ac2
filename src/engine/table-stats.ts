import type { DiskRowSet } from '../rowset/disk-rowset.ts'
import { averageHeight } from '../rowset/rowset-tree.ts'
import { decodeKey, keyValuesToObject } from '../schema/key-encoding.ts'
import type { TableSchema } from '../schema/table-schema.ts'
import type { Tablet } from '../tablet/tablet.ts'
import type { EngineTable } from './engine-table.ts'
import type { RowSetStats, TableStats, TabletStats } from './metrics.ts'

/** What `table.stats()` says. */
export function tableStats({ schema, tablets }: EngineTable): TableStats {
  const each = tablets.map((tablet) => tabletStats(schema, tablet))
  const total = (of: (stats: TabletStats) => number) => each.reduce((sum, stats) => sum + of(stats), 0)
  const diskRows = total(({ rowsets }) => rowsets.reduce((sum, { rows }) => sum + rows, 0))
  const memoryRows = total((stats) => stats.memoryRows)
  return {
    rows: memoryRows + diskRows,
    memoryRows,
    memoryBytes: total((stats) => stats.memoryBytes),
    diskRows,
    diskBytes: total(({ rowsets }) => rowsets.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)),
    tablets: each,
  }
}

function tabletStats(schema: TableSchema, tablet: Tablet): TabletStats {
  const rowsets = tablet.disk.rowsets.map((rowset) => rowsetStats(schema, tablet, rowset))
  return {
    tablet: tablet.ordinal,
    memoryRows: tablet.live.rowCount + (tablet.frozen?.store.rowCount ?? 0),
    memoryBytes: tablet.memoryBytes,
    height: averageHeight(tablet.disk.rowsets),
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
  }
}

/** A key as people read it. */
function keyText(schema: TableSchema, encoded: Uint8Array): string {
  const shown = (_: string, value: unknown) =>
    typeof value === 'bigint' ? `${value}` : value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value
  return JSON.stringify(keyValuesToObject(schema, decodeKey(schema, encoded)), shown)
}
