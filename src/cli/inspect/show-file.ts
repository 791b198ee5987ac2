/** An inspected file as text for people. */
import { countOf, countText, decimalText, mebibytesText } from '../amounts.ts'
import { plainJson, timestampText, visibleText } from '../cell.ts'
import type { Style } from '../style.ts'
import { factsTable, type TextColumn, textTable } from '../text-table.ts'
import type { InspectedFile } from './inspect-file.ts'

type Of<K extends InspectedFile['kind']> = Extract<InspectedFile, { kind: K }>

/** What is shown, and how much of it. */
export interface ShowOptions {
  readonly style: Style
  /** Blocks, batches or edits shown at most. */
  readonly limit: number
  /** SSTables: block by block. */
  readonly blocks: boolean
}

/** What a section of a logged batch does, before the name of its table. */
const writeVerbs = { insert: 'insert into', update: 'update of', delete: 'delete from', live: 'reinsert into' } as const

/** Commit timestamps carry milliseconds above a counter of eleven bits. */
const ticksPerMs = 2048

const right = { align: 'right' } as const

export function showFile(file: InspectedFile, o: ShowOptions): string {
  switch (file.kind) {
    case 'sstable':
    case 'delta':
      return showSSTable(file, o)
    case 'wal':
      return showWal(file, o)
    case 'manifest':
      return showManifest(file, o)
    case 'current':
      return factsTable(
        [
          ['kind', 'CURRENT: names the manifest in force'],
          ['manifest', file.manifest],
          ['checksum', file.checksumFits ? 'fits' : o.style.red('does not fit: the file is damaged')],
        ],
        o.style,
      )
    case 'lock':
      return showLock(file, o)
  }
}

function showSSTable(file: Of<'sstable' | 'delta'>, o: ShowOptions): string {
  const isDelta = file.kind === 'delta'
  const facts = factsTable(
    [
      ['kind', isDelta ? `delta file, an SSTable of changes, format ${file.formatVersion}` : `SSTable, format ${file.formatVersion}`],
      ['table', `${file.tableName} (id ${file.tableId})`],
      ['size', sizeText(file.sizeBytes)],
      [isDelta ? 'changes' : 'rows', `${countText(file.rows)}, ${decimalText(file.bytesPerRow, 1)} bytes each`],
      ['groups', `${countText(file.groupCount)} of ${countText(file.rowsPerGroup)} rows`],
      ['codec', file.codec],
      ['keys', `${shortHex(file.minKeyHex)} to ${shortHex(file.maxKeyHex)} (encoded)`],
      ['written', `${commitText(file.minTimestamp)} to ${commitText(file.maxTimestamp)}`],
      ['filter', sizeText(file.filterBytes)],
      ['metadata', sizeText(file.metadataBytes)],
    ],
    o.style,
  )
  const columns: TextColumn[] = [
    { title: 'column' },
    { title: 'type' },
    { title: 'bytes', ...right },
    { title: 'of plain', ...right },
    { title: 'nulls', ...right },
    { title: 'encodings (blocks)' },
  ]
  const rows = file.columns.map((column) => [
    column.key ? `${column.name} (key)` : column.name,
    column.nullable ? `${column.kind}?` : column.kind,
    countText(column.sizeBytes),
    column.ratio === undefined ? '–' : `1/${decimalText(column.ratio, 1)}`,
    countText(column.nullCount),
    Object.entries(column.encodings)
      .map(([name, count]) => `${name} ${count}`)
      .join(', '),
  ])
  const parts = [facts, textTable(columns, rows, o.style)]
  if (o.blocks) parts.push(showBlocks(file, o))
  return parts.join('\n\n')
}

function showBlocks(file: Of<'sstable' | 'delta'>, o: ShowOptions): string {
  const all = file.columns
    .flatMap((column) => column.blocks.map((block) => ({ column: column.name, ...block })))
    .sort((a, b) => a.offset - b.offset)
  const columns: TextColumn[] = [
    { title: 'offset', ...right },
    { title: 'bytes', ...right },
    { title: 'group', ...right },
    { title: 'column' },
    { title: 'encoding' },
    { title: 'least' },
    { title: 'greatest' },
    { title: 'nulls', ...right },
  ]
  const rows = all
    .slice(0, o.limit)
    .map(({ offset, sizeBytes, group, column, encoding, compressed, zoneMap }) => [
      countText(offset),
      countText(sizeBytes),
      countText(group),
      column,
      compressed ? `${encoding}, compressed` : encoding,
      zoneText(zoneMap.min),
      zoneText(zoneMap.max),
      countText(zoneMap.nullCount),
    ])
  return limited(textTable(columns, rows, o.style), { shown: rows.length, all: all.length, what: 'blocks', style: o.style })
}

function showWal(file: Of<'wal'>, o: ShowOptions): string {
  const { header, batches, frames, problem } = file
  const facts: [string, string][] = [
    ['kind', 'log segment'],
    ['size', sizeText(file.sizeBytes)],
  ]
  if (header)
    facts.push(
      [
        'number',
        `${header.fileNumber}, after ${header.predecessor === 0 ? 'none' : `${header.predecessor} (${countText(header.predecessorSyncedBytes)} bytes of it synced)`}`,
      ],
      ['first op', countText(header.firstOpId)],
    )
  facts.push(
    ['records', `${countText(frames.length)}, ${countOf(batches.length, 'batch', 'batches')}`],
    ['whole', `${countText(file.validBytes)} bytes`],
  )
  if (problem) facts.push(problemFact(problem, o.style))
  const columns: TextColumn[] = [
    { title: 'offset', ...right },
    { title: 'op', ...right },
    { title: 'committed' },
    { title: 'rows', ...right },
    { title: 'writes' },
  ]
  const rows = batches
    .slice(0, o.limit)
    .map(({ offset, opId, timestamp, sections }) => [
      countText(offset),
      countText(opId),
      commitText(timestamp),
      countText(sections.reduce((sum, section) => sum + section.rows, 0)),
      sections.map(({ kind, tableId, tablet, target }) => `${writeVerbs[kind]} table ${tableId}, tablet ${tablet} (${target})`).join('; '),
    ])
  if (rows.length === 0) return factsTable(facts, o.style)
  return `${factsTable(facts, o.style)}\n\n${limited(textTable(columns, rows, o.style), { shown: rows.length, all: batches.length, what: 'batches', style: o.style })}`
}

function showManifest(file: Of<'manifest'>, o: ShowOptions): string {
  const { edits, problem } = file
  const facts: [string, string][] = [
    ['kind', `manifest ${file.fileNumber}`],
    ['size', sizeText(file.sizeBytes)],
    ['edits', countText(edits.length)],
    ['result', `${countOf(file.tables, 'table')}, ${countOf(file.files, 'data file')}`],
    ['whole', `${countText(file.validBytes)} bytes`],
  ]
  if (problem) facts.push(problemFact(problem, o.style))
  const columns: TextColumn[] = [
    { title: 'edit', ...right },
    { title: 'made' },
    { title: 'reason' },
    { title: 'tables' },
    { title: 'files' },
    { title: 'last op', ...right },
  ]
  const rows = edits
    .slice(0, o.limit)
    .map(({ reason, wallClockMs, tables = [], droppedTables = [], addedFiles = [], removedFiles = [], lastOpId }, i) => {
      const { kind, ...why } = reason
      const words = Object.entries(why).map(([name, value]) => `${name} ${value}`)
      const changed = [...tables.map(({ name }) => `+${name}`), ...droppedTables.map((id) => `-${id}`)]
      const files = [...addedFiles.map(({ fileNumber }) => `+${fileNumber}`), ...removedFiles.map((fileNumber) => `-${fileNumber}`)]
      return [String(i), timestampText(wallClockMs), [kind, ...words].join(' '), shortList(changed), shortList(files), countText(lastOpId)]
    })
  return `${factsTable(facts, o.style)}\n\n${limited(textTable(columns, rows, o.style), { shown: rows.length, all: edits.length, what: 'edits', style: o.style })}`
}

function showLock({ holder, liveness, sizeBytes }: Of<'lock'>, o: ShowOptions): string {
  if (!holder)
    return factsTable(
      [
        ['kind', 'LOCK'],
        ['holder', `unreadable (${sizeBytes} bytes): torn by a crash, or being written`],
      ],
      o.style,
    )
  const alive =
    liveness === 'alive'
      ? 'running: the database is open there'
      : liveness === 'dead'
        ? 'ended: the next to open takes the lock over'
        : 'cannot be told from this machine'
  return factsTable(
    [
      ['kind', 'LOCK'],
      ['process', `${holder.pid} on ${holder.hostName}`],
      ['since', holder.since],
      ['it is', alive],
    ],
    o.style,
  )
}

function problemFact({ offset, text, synced }: { offset: number; text: string; synced: boolean }, style: Style): [string, string] {
  const what = synced ? style.red('damage') : style.yellow('cut short, as a crash may leave it')
  return ['problem', `at byte ${countText(offset)}: ${text} (${what})`]
}

function limited(table: string, { shown, all, what, style }: { shown: number; all: number; what: string; style: Style }): string {
  return shown === all ? table : `${table}\n${style.dim(`${countText(shown)} of ${countText(all)} ${what}; --limit shows more.`)}`
}

function sizeText(sizeBytes: number): string {
  return `${countText(sizeBytes)} bytes (${mebibytesText(sizeBytes)} MiB)`
}

function commitText(timestamp: number): string {
  return timestampText(Math.floor(timestamp / ticksPerMs))
}

function shortHex(hex: string): string {
  return hex.length > 24 ? `${hex.slice(0, 23)}…` : hex
}

function shortList(items: readonly string[]): string {
  return items.length > 6 ? `${items.slice(0, 6).join(' ')} … ${items.length} in all` : items.join(' ')
}

function zoneText(value: unknown): string {
  const text =
    value === undefined || value === null
      ? ''
      : value instanceof Uint8Array
        ? Buffer.from(value).toString('hex')
        : typeof value === 'object'
          ? plainJson(value)
          : String(value)
  const visible = visibleText(text)
  return visible.length > 24 ? `${visible.slice(0, 23)}…` : visible
}
