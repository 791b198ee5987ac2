/**
 * The rowsets of a table as a picture (SVG): a panel for each tablet, keys across, rowsets stacked where their keys overlap.
 * Colour says how many changes reads must apply, hatching that there is history. Each rowset has its figures as a tooltip.
 */
import { requireOptions } from '../base/call-options.ts'
import { describeValue } from '../schema/column-value.ts'
import type { RowSetStats, TableStats, TabletStats } from './metrics.ts'
import { rowsetBytes } from './rowset-bytes.ts'
import { type PlacedRowSet, type RowSetLayout, rowsetLayout } from './rowset-layout.ts'

export interface RowSetPictureOptions {
  /** The heading. Default: `Rowsets`. */
  readonly title?: string
}

const widthPx = 1200
const marginPx = 24
const innerPx = widthPx - 2 * marginPx
const laneHeightMinPx = 6
const laneHeightMaxPx = 30
/** A panel is about so high where its lanes allow it. */
const panelHeightPx = 600
/** What a character of the small type takes: generous, so that labels stay inside. */
const characterPx = 6.6
const keyCharactersMax = 60

/** Colours by changes per row that reads must apply, each up to its limit. */
const shades = [
  { limit: 0, fill: '#d5e3ee', text: 'no changes to apply' },
  { limit: 0.01, fill: '#a9cbe6', text: 'up to 1 change per 100 rows' },
  { limit: 0.1, fill: '#f7df94', text: 'up to 10' },
  { limit: 0.5, fill: '#f3b262', text: 'up to 50' },
  { limit: Number.POSITIVE_INFINITY, fill: '#ea8579', text: 'more' },
] as const

/**
 * Draws what `table.stats()` says, as an SVG document. Across, equal widths hold equal amounts of data, so that the
 * mean number of rowsets over a point is the tablet's `height`. A pure function.
 */
export function rowsetPicture(stats: TableStats, o: RowSetPictureOptions = {}): string {
  if (!Array.isArray((stats as Partial<TableStats> | undefined)?.tablets))
    throw new TypeError(`rowsetPicture takes what table.stats() gives; got ${describeValue(stats)}.`)
  requireOptions('rowsetPicture', o, ['title'])
  const parts: string[] = []
  let y = marginPx + 20
  parts.push(text(marginPx, y, o.title ?? 'Rowsets', 'title'))
  y += 22
  parts.push(text(marginPx, y, summary(stats), 'note'))
  y += 16
  parts.push(legend(y))
  y += 36
  const shown = stats.tablets.filter(({ rowsets }) => rowsets.length > 0)
  if (shown.length === 0)
    parts.push(text(marginPx, y + 14, 'There are no rowsets on disk: all rows are in memory and in the log, or there are none.'))
  if (shown.length === 0) y += 24
  for (const tablet of shown) {
    const panel = drawPanel(tablet, y, stats.tablets.length > 1)
    parts.push(panel.svg)
    y += panel.heightPx
  }
  return document(y + marginPx, o.title ?? 'Rowsets', parts)
}

function document(heightPx: number, title: string, parts: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${widthPx}" height="${figure(heightPx)}" viewBox="0 0 ${widthPx} ${figure(heightPx)}" role="img">`,
    `<title>${escaped(title)}</title>`,
    '<style>text { font: 12px system-ui, "DejaVu Sans", sans-serif; fill: #1d2a36 } .title { font-size: 18px; font-weight: 600 } .note { fill: #51616f } .label { font-size: 11px } .rowset { stroke: #51616f; stroke-width: 0.5 }</style>',
    '<defs><pattern id="history" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><line x1="0" y1="0" x2="0" y2="6" stroke="#1d2a36" stroke-opacity="0.28" stroke-width="1.5"/></pattern></defs>',
    `<rect class="background" width="${widthPx}" height="${figure(heightPx)}" fill="#ffffff"/>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n')
}

function summary({ tablets, diskRows, diskBytes, memoryRows, memoryChanges }: TableStats): string {
  const rowsets = tablets.flatMap((tablet) => tablet.rowsets)
  const parts = [countOf(rowsets.length, 'rowset'), countOf(diskRows, 'row'), mebibytes(diskBytes)]
  const changes = rowsets.reduce((sum, { deltas }) => sum + deltas.redo.changes + deltas.memory.changes, 0)
  parts.push(`${countOf(changes, 'change')} to apply`)
  if (tablets.length === 1 && rowsets.length > 0) parts.push(`average height ${(tablets[0] as TabletStats).height.toFixed(2)}`)
  if (memoryRows > 0 || memoryChanges > 0) parts.push(`in memory ${countOf(memoryRows, 'row')} and ${countOf(memoryChanges, 'change')}`)
  return parts.join(' · ')
}

function legend(y: number): string {
  const parts: string[] = []
  let x = marginPx
  const entry = (fill: string, label: string, hatched: boolean) => {
    parts.push(`<rect class="legend" x="${figure(x)}" y="${y}" width="14" height="14" fill="${fill}" stroke="#51616f" stroke-width="0.5"/>`)
    if (hatched) parts.push(`<rect class="legend" x="${figure(x)}" y="${y}" width="14" height="14" fill="url(#history)"/>`)
    parts.push(text(x + 19, y + 11, label, 'label'))
    x += 19 + label.length * characterPx + 16
  }
  for (const shade of shades) entry(shade.fill, shade.text, false)
  entry('#ffffff', 'hatched: keeps history (undo)', true)
  return parts.join('\n')
}

function drawPanel(tablet: TabletStats, top: number, isNamed: boolean): { readonly svg: string; readonly heightPx: number } {
  const layout = rowsetLayout(tablet, innerPx)
  const parts: string[] = []
  let y = top
  if (isNamed) {
    const heading = `Tablet ${tablet.tablet}: ${countOf(tablet.rowsets.length, 'rowset')}, average height ${tablet.height.toFixed(2)}`
    parts.push(text(marginPx, y + 12, heading))
    y += 20
  }
  const laneHeightPx = Math.max(laneHeightMinPx, Math.min(laneHeightMaxPx, Math.floor(panelHeightPx / layout.lanes)))
  const floor = y + laneHeightPx * layout.lanes
  for (const each of layout.placed) parts.push(drawRowSet(each, floor - (each.lane + 1) * laneHeightPx, laneHeightPx))
  parts.push(`<line x1="${marginPx}" y1="${floor}" x2="${widthPx - marginPx}" y2="${floor}" stroke="#1d2a36"/>`)
  parts.push(...axis(layout, floor + 16))
  return { svg: parts.join('\n'), heightPx: floor + 36 - top }
}

/** The keys at both ends, and what lies between them. */
function axis({ placed }: RowSetLayout, y: number): string[] {
  const rowsets = placed.map(({ rowset }) => rowset)
  const first = rowsets[0] as RowSetStats
  const last = rowsets.reduce((a, b) => (b.maxKeyHex > a.maxKeyHex ? b : a))
  return [
    text(marginPx, y, shortKey(first.minKey), 'label'),
    text(widthPx / 2, y, 'keys in order; equal widths hold equal amounts of data', 'label note', 'middle'),
    text(widthPx - marginPx, y, shortKey(last.maxKey), 'label', 'end'),
  ]
}

function drawRowSet({ rowset, x, width }: PlacedRowSet, y: number, laneHeightPx: number): string {
  const heightPx = laneHeightPx - (laneHeightPx > 12 ? 3 : 1)
  const place = `x="${figure(marginPx + x)}" y="${figure(y)}" width="${figure(width)}" height="${heightPx}"`
  const parts = [`<rect class="rowset" ${place} fill="${shadeOf(rowset)}"><title>${escaped(details(rowset))}</title></rect>`]
  if (rowset.deltas.undo.changes > 0) parts.push(`<rect class="history" ${place} fill="url(#history)" pointer-events="none"/>`)
  const label = labels(rowset).find((candidate) => candidate.length * characterPx + 8 <= width)
  if (label !== undefined && heightPx >= 14) parts.push(text(marginPx + x + 5, y + heightPx / 2 + 4, label, 'label'))
  return parts.join('')
}

function shadeOf({ rows, deltas }: RowSetStats): string {
  const perRow = (deltas.redo.changes + deltas.memory.changes) / Math.max(1, rows)
  return (shades.find(({ limit }) => perRow <= limit) ?? shades[shades.length - 1])?.fill ?? ''
}

/** What is written on a rowset, the longest first. */
function labels(rowset: RowSetStats): string[] {
  const size = mebibytes(rowsetBytes(rowset))
  const changes = rowset.deltas.redo.changes + rowset.deltas.memory.changes
  const withRows = `${size} · ${countOf(rowset.rows, 'row')}`
  const short = [withRows, size]
  return changes === 0 ? short : [`${withRows} · ${countOf(changes, 'change')}`, ...short]
}

/** The tooltip. */
function details(rowset: RowSetStats): string {
  const { redo, undo, memory } = rowset.deltas
  return [
    `rowset ${rowset.rowset}: ${rowset.minKey} … ${rowset.maxKey}`,
    `base: ${countOf(rowset.rows, 'row')}, ${mebibytes(rowset.sizeBytes)}`,
    `redo: ${countOf(redo.changes, 'change')} in ${countOf(redo.files, 'file')}, ${mebibytes(redo.sizeBytes)}`,
    `undo: ${countOf(undo.changes, 'change')} in ${countOf(undo.files, 'file')}, ${mebibytes(undo.sizeBytes)}`,
    `in memory: ${countOf(memory.changes, 'change')}`,
  ].join('\n')
}

function text(x: number, y: number, content: string, kind?: string, anchor?: 'middle' | 'end'): string {
  const attributes = `${kind === undefined ? '' : ` class="${kind}"`}${anchor === undefined ? '' : ` text-anchor="${anchor}"`}`
  return `<text x="${figure(x)}" y="${figure(y)}"${attributes}>${escaped(content)}</text>`
}

function shortKey(json: string): string {
  const characters = [...json]
  return characters.length > keyCharactersMax ? `${characters.slice(0, keyCharactersMax - 1).join('')}…` : json
}

/** Text as XML has it; characters that XML does not know become U+FFFD. */
function escaped(content: string): string {
  const named: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
  return content
    .toWellFormed()
    .replace(/[^\t\n\u0020-\u007e\u00a0-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd')
    .replace(/[&<>"]/g, (character) => named[character] as string)
}

function countOf(count: number, singular: string): string {
  return `${count.toLocaleString('en-US')} ${singular}${count === 1 ? '' : 's'}`
}

function mebibytes(sizeBytes: number): string {
  return `${(sizeBytes / 2 ** 20).toFixed(2)} MiB`
}

/** A number of pixels, to the thousandth. */
function figure(px: number): string {
  return String(Math.round(px * 1000) / 1000)
}
