import { type MergeRowSetsInput, type MergeRowSetsOutput, mergeRowSets } from '../../../../src/rowset/compaction/merge-rowsets.ts'
import { deltaOps } from '../../../../src/rowset/delta-schema.ts'
import type { FlushedRowSet } from '../../../../src/rowset/flush-rows.ts'
import type { PlainChange } from '../../../../src/rowset/write-delta-file.ts'
import type { ColumnValue, TableSchema } from '../../../../src/schema/table-schema.ts'
import { type CompactionOptions, majorCompaction, minorCompaction } from './compactions.ts'
import type { RandomHistory } from './random-history.ts'
import { type BaseRow, type PlainRow, type RowSetDisk, type RowSetFiles, readAt, readRowSet } from './rowset-files.ts'

/** The rows of one history, in the order of their keys, scattered over several rowsets. */
export class ScatteredRows {
  readonly disk: RowSetDisk
  readonly history: RandomHistory
  rowsets: RowSetFiles[] = []

  constructor(disk: RowSetDisk, history: RandomHistory) {
    this.disk = disk
    this.history = history
  }

  /** As many rowsets as a flush of everything, scattered, may give; some may be empty and are left out. */
  async flush(changeCount: number, count: number): Promise<void> {
    const { disk, history } = this
    const whole = await readRowSet(disk, await history.flush(disk, changeCount), history.schema)
    const home = whole.base.map(() => history.random.below(count))
    for (let rowset = 0; rowset < count; rowset++) {
      const rows = whole.base.map((_, row) => row).filter((row) => home[row] === rowset)
      const moved = (changes: readonly PlainChange[]) =>
        changes.filter(({ row }) => home[row] === rowset).map((change) => ({ ...change, row: rows.indexOf(change.row) }))
      if (rows.length > 0)
        await this.add(
          rows.map((row) => whole.base[row] as BaseRow),
          moved(whole.undo),
          moved(whole.redo),
        )
    }
  }

  /** Changes rows. Those that no rowset holds any more, and that come to life again, begin a rowset of their own. */
  async change(changeCount: number): Promise<void> {
    const { disk, history } = this
    const changes = await disk.readDeltas(await history.change(disk, changeCount), history.schema)
    const homes = await this.homes()
    const byHome = new Map<number, PlainChange[]>()
    const homeless = new Map<string, PlainChange[]>()
    for (const change of changes) {
      const key = keyOf(change.values)
      const home = homes.get(key)
      if (home === undefined) homeless.set(key, [...(homeless.get(key) ?? []), change])
      else byHome.set(home.rowset, [...(byHome.get(home.rowset) ?? []), { ...change, row: home.row }])
    }
    for (const [rowset, list] of byHome) {
      const files = this.rowsets[rowset] as RowSetFiles
      this.rowsets[rowset] = { ...files, redo: [...files.redo, await this.write(list)] }
    }
    await this.begin([...homeless.values()])
  }

  /** Compacts the deltas of some rowset. */
  async compactSome(o: CompactionOptions): Promise<void> {
    const { random, schema } = this.history
    const index = random.below(this.rowsets.length)
    const files = this.rowsets[index] as RowSetFiles
    const columns = schema.columns.slice(2).map(({ id }) => id)
    const chosen = columns.filter(() => random.below(2) === 0)
    const kind = random.below(2) === 0 ? 'redo' : 'undo'
    if (random.below(3) > 0 && chosen.length > 0) {
      const runLength = random.below(files.redo.length + 1)
      this.rowsets[index] = (await majorCompaction(this.disk, files, { ...o, columns: chosen, runLength })).files
    } else if (files[kind].length > 0) {
      this.rowsets[index] = (await minorCompaction(this.disk, files, { ...o, kind })).files
    }
  }

  /** Merges all rowsets; each output has `rowsPerOutput` rows. */
  async merge(o: CompactionOptions & { rowsPerOutput: number }, signal?: AbortSignal): Promise<MergeRowSetsOutput> {
    const { disk } = this
    const input = await mergeInput(disk, this.rowsets, o)
    const output = await mergeRowSets({ ...structuredClone(input.plain), vfs: disk.vfs.handle() }, { signal })
    this.rowsets = output.rowsets.map((written, i) => writtenFiles(written, input.numbers[i] as TargetNumbers))
    return output
  }

  /** What a reader of all files sees at a time: all rows there are, in key order. */
  async reader(): Promise<(time: number) => PlainRow[]> {
    const { schema } = this.history
    const contents = await Promise.all(this.rowsets.map((files) => readRowSet(this.disk, files, schema)))
    return (time) => {
      const rows = contents.flatMap((content) => readAt(content, time)).filter((row) => row !== undefined)
      return rows.sort(compareKeys)
    }
  }

  private async homes(): Promise<Map<string, { rowset: number; row: number }>> {
    const homes = new Map<string, { rowset: number; row: number }>()
    for (const [rowset, files] of this.rowsets.entries()) {
      const base = await this.disk.readBase(files.base, this.history.schema)
      base.forEach(({ values }, row) => homes.set(keyOf(values), { rowset, row }))
    }
    return homes
  }

  /** Each row's changes begin with its insertion. */
  private async begin(lists: PlainChange[][]): Promise<void> {
    const base: BaseRow[] = []
    const redo: PlainChange[] = []
    for (const [first, ...rest] of lists.sort(([a], [b]) => compareKeys((a as PlainChange).values, (b as PlainChange).values))) {
      const { op, time, values } = first as PlainChange
      if (op !== deltaOps.live) throw new Error('a row that no rowset holds was changed')
      redo.push(...rest.map((change) => ({ ...change, row: base.length })))
      base.push({ insertedAt: time, values: values as PlainRow })
    }
    if (base.length > 0) await this.add(base, [], redo)
  }

  private async add(base: readonly BaseRow[], undo: readonly PlainChange[], redo: readonly PlainChange[]): Promise<void> {
    this.rowsets.push({
      base: await this.disk.writeBase(this.history.schema, base, this.history.rowsPerGroup),
      undo:
        undo.length === 0
          ? []
          : [
              await this.write(undo.filter((_, i) => i % 2 === 0)),
              ...(undo.length > 1 ? [await this.write(undo.filter((_, i) => i % 2 === 1))] : []),
            ],
      redo: redo.length === 0 ? [] : [await this.write(redo)],
    })
  }

  private write(changes: readonly PlainChange[]): Promise<number> {
    return this.disk.writeDeltas(this.history.schema, changes, this.history.rowsPerGroup)
  }
}

interface TargetNumbers {
  readonly base: number
  readonly undo: number
  readonly redo: number
}

/** What a merge of rowsets is given, but for the file system, and the numbers of the files that it may write. */
export async function mergeInput(
  disk: RowSetDisk,
  rowsets: readonly RowSetFiles[],
  o: CompactionOptions & { rowsPerOutput: number; schema: TableSchema },
): Promise<{ plain: Omit<MergeRowSetsInput, 'vfs'>; numbers: TargetNumbers[] }> {
  const { codec = 'none', ...rest } = o
  const jobFile = (fileNumber: number) => ({ fileNumber, path: disk.pathOf(fileNumber) })
  const inputs = rowsets.map(({ base, undo, redo }) => ({ base: jobFile(base), undo: undo.map(jobFile), redo: redo.map(jobFile) }))
  let rowCount = 0
  for (const { base } of rowsets) rowCount += (await disk.open(base, o.schema)).rowCount
  const numbers = Array.from({ length: Math.ceil(rowCount / o.rowsPerOutput) }, () => ({
    base: disk.nextNumber(),
    undo: disk.nextNumber(),
    redo: disk.nextNumber(),
  }))
  const outputs = numbers.map(({ base, undo, redo }) => ({
    path: disk.pathOf(base),
    undoPath: disk.pathOf(undo),
    redoPath: disk.pathOf(redo),
  }))
  return { plain: { ...rest, inputs, outputs, codec: { name: codec } }, numbers }
}

export function writtenFiles(written: FlushedRowSet, numbers: TargetNumbers): RowSetFiles {
  return {
    base: numbers.base,
    undo: written.undo === undefined ? [] : [numbers.undo],
    redo: written.redo === undefined ? [] : [numbers.redo],
  }
}

type Key = readonly (ColumnValue | undefined)[]

function keyOf(values: Key): string {
  return JSON.stringify(values.slice(0, 2))
}

/** The keys of `RandomHistory`: a number and a text. */
function compareKeys(a: Key, b: Key): number {
  const byNumber = (a[0] as number) - (b[0] as number)
  return byNumber !== 0 ? byNumber : Buffer.compare(Buffer.from(a[1] as string), Buffer.from(b[1] as string))
}
