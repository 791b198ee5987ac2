/** The picture is asked for its structure: what is drawn where, and what is written on it. */
import test from 'ava'
import { SeededRandom } from '../../src/base/seeded-random.ts'
import { rowsetLayout } from '../../src/engine/rowset-layout.ts'
import { type RowSetStats, rowsetPicture, type TableStats } from '../../src/index.ts'

const seed = Number(process.env['VARVE_SEED'] ?? 1)

interface Given {
  readonly min: number
  readonly max: number
  readonly sizeBytes?: number
  readonly redo?: number
  readonly undo?: number
  readonly memory?: number
}

function rowset({ min, max, sizeBytes = 1 << 20, redo = 0, undo = 0, memory = 0 }: Given, i: number): RowSetStats {
  const hex = (key: number) => key.toString(16).padStart(8, '0')
  const files = (changes: number) => ({ files: changes > 0 ? 1 : 0, changes, sizeBytes: changes * 10 })
  const deltas = { redo: files(redo), undo: files(undo), memory: { changes: memory, sizeBytes: memory * 20 } }
  const keys = { minKey: `${min}`, maxKey: `${max}`, minKeyHex: hex(min), maxKeyHex: hex(max) }
  return { rowset: i, fileNumber: i, path: `/db/${i}.sst`, rows: 1000, sizeBytes, ...keys, deltas }
}

/** A table of tablets of rowsets. */
function stats(...tablets: readonly (readonly Given[])[]): TableStats {
  const memory = { memoryRows: 0, memoryChanges: 0, memoryBytes: 0 }
  const shown = tablets.map((given, tablet) => ({ tablet, ...memory, height: 1.5, rowsets: given.map(rowset) }))
  const rows = tablets.flat().length * 1000
  return { rows, ...memory, diskRows: rows, diskBytes: rows * 1000, tablets: shown }
}

interface Rect {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
  readonly fill: string
}

function rects(svg: string, kind: string): Rect[] {
  return [...svg.matchAll(new RegExp(`<rect class="${kind}"([^>]*)>`, 'g'))].map(([, attributes = '']) => {
    const of = (name: string) => new RegExp(` ${name}="([^"]*)"`).exec(attributes)?.[1] ?? ''
    const [x, y, width, height] = ['x', 'y', 'width', 'height'].map((name) => Number(of(name))) as [number, number, number, number]
    return { x, y, width, height, fill: of('fill') }
  })
}

function overlap(a: Rect, b: Rect): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height
}

function randomRowsets(random: SeededRandom): Given[] {
  const count = random.below(80)
  return Array.from({ length: count }, () => {
    const min = random.below(10_000)
    // Among them are rowsets of one key, and narrow ones beside wide ones.
    return { min, max: min + random.below([1, 20, 3000][random.below(3)] as number), sizeBytes: 1 + random.below(1 << 24) }
  })
}

test('every rowset is a rectangle inside the picture, and none covers another', (t) => {
  t.log(`VARVE_SEED=${seed}`)
  const random = new SeededRandom(seed)
  for (let run = 0; run < 40; run++) {
    const tablets = Array.from({ length: 1 + random.below(3) }, () => randomRowsets(random))
    const svg = rowsetPicture(stats(...tablets))
    const [background] = rects(svg, 'background') as [Rect]
    const shown = rects(svg, 'rowset')
    t.is(shown.length, tablets.flat().length)
    for (const [i, rect] of shown.entries()) {
      t.true(rect.width > 0 && rect.height >= 5, `run ${run}`)
      t.true(rect.x >= 24 && rect.x + rect.width <= background.width - 23.9 && rect.y > 0 && rect.y + rect.height < background.height)
      for (const other of shown.slice(i + 1)) t.false(overlap(rect, other), `run ${run}: ${JSON.stringify([rect, other])}`)
    }
  }
})

test('rowsets share a lane exactly where their keys do not overlap, and there are no more lanes than the most rowsets over a key', (t) => {
  t.log(`VARVE_SEED=${seed}`)
  const random = new SeededRandom(seed)
  for (let run = 0; run < 40; run++) {
    // No rowset of one key: those take a lane where they would not be seen otherwise.
    const rowsets = randomRowsets(random).map((given) => ({ ...given, max: Math.max(given.max, given.min + 1) }))
    const { placed, lanes } = rowsetLayout({ rowsets: rowsets.map(rowset) }, 1000)
    t.is(placed.length, rowsets.length)
    const spans = placed.map(({ lane, rowset: { minKey, maxKey } }) => ({ lane, min: Number(minKey), max: Number(maxKey) }))
    for (const [i, a] of spans.entries())
      for (const b of spans.slice(i + 1)) if (a.lane === b.lane) t.true(a.max < b.min || b.max < a.min, `run ${run}`)
    const highest = Math.max(0, ...spans.map(({ min }) => spans.filter((other) => other.min <= min && min <= other.max).length))
    t.is(lanes, highest, `run ${run}`)
  }
})

test('widths are shares of the data: a rowset alone takes all, and of two side by side the larger takes more', (t) => {
  const [alone] = rowsetLayout({ rowsets: [rowset({ min: 5, max: 900 }, 0)] }, 1000).placed
  t.deepEqual([alone?.x, alone?.width, alone?.lane], [0, 999, 0])
  const pair = [rowset({ min: 0, max: 10, sizeBytes: 3000 }, 0), rowset({ min: 500, max: 9000, sizeBytes: 900, redo: 10 }, 1)]
  const { placed, lanes } = rowsetLayout({ rowsets: pair }, 1000)
  t.is(lanes, 1)
  // Deltas count as data: 900 bytes and 10 changes of 10 bytes.
  t.deepEqual(
    placed.map(({ x }) => Math.round(x)),
    [0, 750],
  )
})

test('rowsets of one key each stand side by side', (t) => {
  const rowsets = [1, 2, 3, 4].map((key, i) => rowset({ min: key, max: key }, i))
  const { placed } = rowsetLayout({ rowsets }, 1000)
  t.deepEqual(
    placed.map(({ x, lane }) => [x, lane]),
    [
      [0, 0],
      [250, 0],
      [500, 0],
      [750, 0],
    ],
  )
})

test('colour tells how many changes are to be applied, those in memory among them, and hatching that there is history', (t) => {
  const given = [0, 10, 100, 500, 501].map((redo, i) => ({ min: i * 10, max: i * 10 + 5, redo }))
  const svg = rowsetPicture(stats([...given, { min: 90, max: 95, redo: 300, memory: 201, undo: 7 }]))
  const shown = rects(svg, 'rowset')
  const legend = rects(svg, 'legend')
  t.deepEqual(
    shown.map(({ fill }) => legend.findIndex((entry) => entry.fill === fill)),
    [0, 1, 2, 3, 4, 4],
  )
  const history = rects(svg, 'history')
  t.deepEqual(history, [{ ...(shown[5] as Rect), fill: 'url(#history)' }])
  t.regex(svg, /redo: 300 changes in 1 file, [\d.]+ MiB\nundo: 7 changes in 1 file, [\d.]+ MiB\nin memory: 201 changes/)
})

test('labels stay inside their rowset', (t) => {
  const svg = rowsetPicture(
    stats(Array.from({ length: 14 }, (_, i) => ({ min: i * 10, max: i * 10 + 9, sizeBytes: (1 + i) << 20, redo: i }))),
  )
  const shown = rects(svg, 'rowset')
  const labels = [...svg.matchAll(/<text x="([\d.]+)" y="([\d.]+)" class="label">([\d.]+ MiB[^<]*)</g)]
  t.true(labels.length > 5 && labels.length < 14)
  for (const [, x, y, label] of labels) {
    const holder = shown.find(
      (rect) => rect.x < Number(x) && Number(x) < rect.x + rect.width && rect.y < Number(y) && Number(y) < rect.y + rect.height,
    )
    // 11 px sans-serif digits and letters are about 6.2 px wide.
    t.true(holder && Number(x) + (label as string).length * 6.2 < holder.x + holder.width, label)
  }
})

test('names and keys cannot break the document', (t) => {
  const base = stats([{ min: 1, max: 2 }])
  const keys = { minKey: '"<b>&\u0007\ud800\uffff"', maxKey: JSON.stringify('😀'.repeat(100)) }
  const tablets = base.tablets.map((tablet) => ({ ...tablet, rowsets: tablet.rowsets.map((each) => ({ ...each, ...keys })) }))
  const svg = rowsetPicture({ ...base, tablets }, { title: 'Rowsets of <script>"&' })
  t.true(svg.includes('Rowsets of &lt;script&gt;&quot;&amp;'))
  t.true(svg.includes('&quot;&lt;b&gt;&amp;\ufffd\ufffd\ufffd&quot;'))
  // biome-ignore lint/suspicious/noControlCharactersInRegex: XML has no place for them.
  t.notRegex(svg, /[\u0000-\u0008\u000b-\u001f\uffff]/)
  t.true(svg.isWellFormed())
  t.regex(svg, /text-anchor="end">&quot;(😀){58}…<\/text>/u)
})

test('a table without rowsets says so', (t) => {
  const svg = rowsetPicture(stats([], []), { title: 'Rowsets of none' })
  t.is(rects(svg, 'rowset').length, 0)
  t.regex(svg, /Rowsets of none/)
  t.regex(svg, /There are no rowsets on disk/)
})

test('what is no statistics, and an unknown option, is refused', (t) => {
  const loose = rowsetPicture as (...args: unknown[]) => string
  for (const wrong of [undefined, null, {}, 'table'])
    t.throws(() => loose(wrong), { instanceOf: TypeError, message: /rowsetPicture takes what table\.stats\(\) gives/ })
  t.throws(() => loose(stats([]), { titel: 'x' }), { instanceOf: TypeError, message: /Did you mean "title"/ })
})
