import { invariant } from '../base/errors.ts'
import type { ColumnVector, KeyBlock } from '../schema/column-vector.ts'
import type { BatchNeeds, BatchSource, ZoneMap } from './batch-source.ts'
import type { KeptColumns } from './kept-columns.ts'
import { patchVector } from './patch-vector.ts'
import type { RunChanges } from './resolve-changes.ts'

/**
 * A batch of base data with the changes of its rows applied. Only columns that are asked for and may have changed are
 * touched; what they look like with all changes is kept, where there is a place for it.
 */
export class DeltaBatch implements BatchSource {
  readonly rowCount: number
  readonly sorted: boolean
  private readonly base: BatchSource
  private readonly changes: RunChanges
  private readonly kept: KeptColumns | undefined
  /** By position: the column as the scan sees it; or that it is still to be patched. Undefined: not asked for. */
  private readonly columns: (ColumnVector | 'base' | 'to patch' | undefined)[] = []
  private dead: Int32Array | undefined
  private deadState: 'unknown' | 'prepared' | 'known'
  private selected: Int32Array | undefined
  private isSelected = false

  constructor(base: BatchSource, changes: RunChanges, kept?: KeptColumns) {
    this.base = base
    this.changes = changes
    this.kept = kept
    this.rowCount = base.rowCount
    this.sorted = base.sorted
    this.deadState = changes.mayKill ? 'unknown' : 'known'
  }

  zoneMap(column: number): ZoneMap | undefined {
    if (!this.changes.mayUpdate(column)) return this.base.zoneMap(column)
    // That of the base does not hold where rows have changed; that of a patched column does.
    const kept = this.kept?.column(column)
    if (kept === undefined) return undefined
    this.columns[column] ??= kept.vector ?? 'base'
    return kept.vector === undefined ? this.base.zoneMap(column) : kept.zoneMap
  }

  prepare(needs: BatchNeeds): Promise<void> | undefined {
    const { ofBase, toPatch, dead } = this.sort(needs)
    const base = this.base.prepare({ columns: ofBase, keys: needs.keys ?? false })
    const changes = dead || toPatch.length > 0 ? this.changes.prepare(toPatch, { dead }) : undefined
    if (!base && !changes) {
      this.deadPrepared()
      return undefined
    }
    return Promise.all([base, changes]).then(() => this.deadPrepared())
  }

  prepareSync(needs: BatchNeeds): void {
    const { ofBase, toPatch, dead } = this.sort(needs)
    this.base.prepareSync({ columns: ofBase, keys: needs.keys ?? false })
    if (dead || toPatch.length > 0) this.changes.prepareSync(toPatch, { dead })
    this.deadPrepared()
  }

  selection(): Int32Array | undefined {
    invariant(this.deadState !== 'unknown', 'a batch was asked for its selection before it was prepared')
    if (!this.isSelected) {
      this.selected = without(this.base.selection(), this.deadRows(), this.rowCount)
      this.isSelected = true
    }
    return this.selected
  }

  column(position: number): ColumnVector {
    const state = this.columns[position]
    invariant(state !== undefined, 'a batch was asked for a column that was not prepared')
    if (state instanceof Object) return state
    const base = this.base.column(position)
    const vector = state === 'base' ? base : this.patched(position, base)
    this.columns[position] = vector
    return vector
  }

  keys(): KeyBlock {
    return this.base.keys()
  }

  /** Decides of each column where it comes from. */
  private sort(needs: BatchNeeds): { ofBase: number[]; toPatch: number[]; dead: boolean } {
    const ofBase: number[] = []
    const toPatch: number[] = []
    for (const position of needs.columns) {
      const state = this.columns[position] ?? this.stateOf(position)
      this.columns[position] = state
      if (state instanceof Object) continue
      ofBase.push(position)
      if (state === 'to patch') toPatch.push(position)
    }
    if (this.deadState === 'unknown') {
      const kept = this.kept?.dead()
      if (kept) {
        this.dead = kept.rows
        this.deadState = 'known'
      }
    }
    return { ofBase, toPatch, dead: this.deadState === 'unknown' }
  }

  private stateOf(position: number): ColumnVector | 'base' | 'to patch' {
    if (!this.changes.mayUpdate(position)) return 'base'
    const kept = this.kept?.column(position)
    return kept === undefined ? 'to patch' : (kept.vector ?? 'base')
  }

  private patched(position: number, base: ColumnVector): ColumnVector {
    const patch = this.changes.patch(position)
    const vector = patch && patchVector(base, patch)
    this.kept?.keepColumn(position, vector, this.changes)
    return vector ?? base
  }

  private deadPrepared(): void {
    if (this.deadState === 'unknown') this.deadState = 'prepared'
  }

  private deadRows(): Int32Array | undefined {
    if (this.deadState === 'prepared') {
      this.deadState = 'known'
      this.dead = this.changes.dead
      this.kept?.keepDead(this.dead, this.changes)
    }
    return this.dead
  }
}

/** A selection (undefined: all rows) without the dead rows; both ascending. */
function without(selection: Int32Array | undefined, dead: Int32Array | undefined, rowCount: number): Int32Array | undefined {
  if (dead === undefined) return selection
  const count = selection?.length ?? rowCount
  const left = new Int32Array(count)
  let leftCount = 0
  for (let i = 0, d = 0; i < count; i++) {
    const row = selection === undefined ? i : (selection[i] as number)
    while (d < dead.length && (dead[d] as number) < row) d++
    if (dead[d] !== row) left[leftCount++] = row
  }
  return left.subarray(0, leftCount)
}
