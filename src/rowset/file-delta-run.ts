import { invariant } from '../base/errors.ts'
import type { ColumnVector, FixedVector } from '../schema/column-vector.ts'
import type { ColumnSchema } from '../schema/table-schema.ts'
import { concatVectors, constantVector, sliceVector } from '../schema/vector-ops.ts'
import type { SSTableReader } from '../sstable/sstable-reader.ts'
import { type DeltaSchema, deltaPositionOf, deltaPositions } from './delta-schema.ts'
import type { DeltaRun } from './row-changes.ts'

/** What a run asks of the delta file that it is of. */
export interface DeltaFileParts {
  readonly delta: DeltaSchema
  readonly reader: SSTableReader
  /** Whether no change is of rows `[from .. to)`, as far as is known without reading. */
  excludes(from: number, to: number): boolean
  /** The row groups, one after the other, that may hold changes of rows `[from .. to)`. The file must be open. */
  groupsOf(from: number, to: number): readonly number[]
  /** Whether the file has the column at a position of the base schema. The file must be open. */
  knows(position: number): boolean
  /** Takes note of how many changes of rows `[from .. to)` were found. */
  noteCount(from: number, to: number, count: number): void
}

/** The changes of the run that lie in one row group: `[from .. to)` of its rows. */
interface GroupPart {
  readonly group: number
  readonly from: number
  readonly to: number
}

const hiddenPositions = [deltaPositions.row, deltaPositions.time, deltaPositions.op]

/**
 * Changes of a run of rows in a delta file. Rows, times and ops come first; other columns are loaded only where they say
 * that there is something. Vectors stay here, so that the cache may forget the blocks meanwhile.
 */
export class FileDeltaRun implements DeltaRun {
  rows: Int32Array = new Int32Array(0)
  times: Float64Array = new Float64Array(0)
  ops: Int8Array = new Int8Array(0)
  private readonly file: DeltaFileParts
  private readonly from: number
  private readonly to: number
  /** Undefined: what the run consists of has not been read yet. */
  private parts: readonly GroupPart[] | undefined
  private readonly columns: (ColumnVector | undefined)[] = []

  /** The changes of rows `[from .. to)`. */
  constructor(file: DeltaFileParts, from: number, to: number) {
    this.file = file
    this.from = from
    this.to = to
    if (file.excludes(from, to)) this.parts = []
  }

  get count(): number {
    return this.rows.length
  }

  prepare(positions: readonly number[]): Promise<void> | undefined {
    return this.prepareCached(positions) ? undefined : this.load(positions)
  }

  prepareCached(positions: readonly number[]): boolean {
    const { reader } = this.file
    if (this.parts === undefined) {
      if (!reader.isOpen) return false
      const groups = this.groups()
      const hidden = groups.map((group) => cachedColumns(reader, group))
      if (!hidden.every(isThere)) return false
      this.useHidden(groups, hidden)
    }
    for (const wanted of this.missing(positions)) {
      const vectors = this.foundParts.map(({ group }) => reader.column(group, wanted))
      if (!vectors.every(isThere)) return false
      this.use(wanted, vectors)
    }
    return true
  }

  prepareSync(positions: readonly number[]): void {
    if (this.prepareCached(positions)) return
    const { reader } = this.file
    reader.openSync()
    if (this.parts === undefined) {
      const groups = this.groups()
      this.useHidden(
        groups,
        groups.map((group) => reader.loadColumnsSync(group, hiddenPositions)),
      )
    }
    const wanted = this.missing(positions)
    this.useAll(
      wanted,
      this.foundParts.map(({ group }) => reader.loadColumnsSync(group, wanted)),
    )
  }

  column(position: number): ColumnVector {
    return this.prepared(deltaPositionOf(position))
  }

  isSet(position: number, index: number): boolean {
    const unset = this.unset(position)
    return unset === undefined || unset[index] === 0
  }

  unset(position: number): Uint8Array | undefined {
    const setPosition = this.file.delta.setPositions[position] as number
    return this.prepared(setPosition < 0 ? deltaPositionOf(position) : setPosition).nulls
  }

  knows(position: number): boolean {
    return this.count === 0 || this.file.knows(position)
  }

  private async load(positions: readonly number[]): Promise<void> {
    const { reader } = this.file
    await reader.open()
    if (this.parts === undefined) {
      const groups = this.groups()
      this.useHidden(groups, await Promise.all(groups.map((group) => reader.loadColumns(group, hiddenPositions))))
    }
    const wanted = this.missing(positions)
    if (wanted.length > 0) this.useAll(wanted, await Promise.all(this.foundParts.map(({ group }) => reader.loadColumns(group, wanted))))
  }

  private groups(): readonly number[] {
    return this.file.groupsOf(this.from, this.to)
  }

  private get foundParts(): readonly GroupPart[] {
    invariant(this.parts !== undefined, 'a run of changes was asked for columns before its rows were read')
    return this.parts
  }

  /** Takes the hidden columns of the groups; those without a change of the run's rows are left out from then on. */
  private useHidden(groups: readonly number[], hidden: readonly (readonly ColumnVector[])[]): void {
    const parts: GroupPart[] = []
    const found: (readonly ColumnVector[])[] = []
    hidden.forEach((vectors, i) => {
      const rows = (vectors[0] as FixedVector).values as Int32Array
      const part = { group: groups[i] as number, from: countBelow(rows, this.from), to: countBelow(rows, this.to) }
      if (part.from === part.to) return
      parts.push(part)
      found.push(vectors)
    })
    this.parts = parts
    if (parts.length > 0) {
      const [rows, times, ops] = hiddenPositions.map((_, h) => this.joined(found.map((vectors) => vectors[h] as ColumnVector)))
      this.rows = (rows as FixedVector).values as Int32Array
      this.times = (times as FixedVector).values as Float64Array
      this.ops = (ops as FixedVector).values as Int8Array
    }
    this.file.noteCount(this.from, this.to, this.count)
  }

  /** Positions in the delta schema of what is wanted and not here yet. */
  private missing(positions: readonly number[]): number[] {
    const missing: number[] = []
    for (const position of positions) {
      const setPosition = this.file.delta.setPositions[position] as number
      for (const wanted of [deltaPositionOf(position), setPosition])
        if (wanted >= 0 && this.columns[wanted] === undefined) missing.push(wanted)
    }
    return missing
  }

  /** By group: the vectors of all wanted columns. */
  private useAll(wanted: readonly number[], groups: readonly (readonly ColumnVector[])[]): void {
    wanted.forEach((position, i) => {
      this.use(
        position,
        groups.map((vectors) => vectors[i] as ColumnVector),
      )
    })
  }

  private use(deltaPosition: number, vectors: readonly ColumnVector[]): void {
    const column = this.file.delta.schema.columns[deltaPosition] as ColumnSchema
    this.columns[deltaPosition] = vectors.length === 0 ? constantVector(column, null, 0) : this.joined(vectors)
  }

  /** The run's part of each group's vector, as one. */
  private joined(vectors: readonly ColumnVector[]): ColumnVector {
    return concatVectors(
      vectors.map((vector, i) => sliceVector(vector, (this.foundParts[i] as GroupPart).from, (this.foundParts[i] as GroupPart).to)),
    )
  }

  private prepared(deltaPosition: number): ColumnVector {
    const vector = this.columns[deltaPosition]
    invariant(vector !== undefined, 'a run of changes was asked for a column that was not prepared')
    return vector
  }
}

function cachedColumns(reader: SSTableReader, group: number): readonly ColumnVector[] | undefined {
  const vectors = hiddenPositions.map((position) => reader.column(group, position))
  return vectors.every(isThere) ? vectors : undefined
}

function isThere<T>(value: T | undefined): value is T {
  return value !== undefined
}

/** How many of the ascending numbers are less than `bound`. */
export function countBelow(numbers: Int32Array, bound: number): number {
  let low = 0
  let high = numbers.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((numbers[middle] as number) < bound) low = middle + 1
    else high = middle
  }
  return low
}
