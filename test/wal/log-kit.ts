import { BlockingPolicy } from '../../src/base/blocking-policy.ts'
import { GuardedEventBus } from '../../src/events/event-bus.ts'
import type { RowBlock } from '../../src/schema/column-vector.ts'
import { SimulatedClock } from '../../src/testing/simulated-clock.ts'
import type { Vfs } from '../../src/vfs/vfs.ts'
import type { LogBatch, SectionPlace } from '../../src/wal/batch-format.ts'
import { parseSegmentFileName } from '../../src/wal/segment-header.ts'
import { Wal, type WalOptions } from '../../src/wal/wal.ts'
import { type RecoveredWal, type RecoverWalOptions, recoverWal } from '../../src/wal/wal-recovery.ts'

export const directory = '/db'
export const place = {
  tableId: 1,
  tablet: 0,
  target: 'memory' as const,
  generation: 1,
  schemaVersion: 1,
  columnIds: [1, 2],
} satisfies SectionPlace

/** Two columns, whose values follow from the first one. */
export function rows(first: number, count = 3): RowBlock {
  const keys = Int32Array.from({ length: count }, (_, i) => first + i)
  const text = Array.from(keys, (key) => `row ${key}`)
  const bytes = new TextEncoder().encode(text.join(''))
  const offsets = new Uint32Array(count + 1)
  text.forEach((value, i) => {
    offsets[i + 1] = (offsets[i] as number) + value.length
  })
  return {
    rowCount: count,
    columns: [
      { form: 'fixed', length: count, values: keys, nulls: undefined },
      { form: 'bytes', length: count, offsets, bytes, nulls: undefined },
    ],
  }
}

/** The keys that a batch holds, checked against their texts. */
export function keysOf(batch: LogBatch): number[] {
  return batch.sections.flatMap(({ rows: block }) => {
    const [keys, texts] = block.columns
    if (keys?.form !== 'fixed' || texts?.form !== 'bytes') throw new Error('a block of another shape')
    return Array.from(keys.values as Int32Array, (key, i) => {
      const text = new TextDecoder().decode(texts.bytes.subarray(texts.offsets[i], texts.offsets[i + 1]))
      if (text !== `row ${key}`) throw new Error(`key ${key} has the text ${text}`)
      return key
    })
  })
}

/** A policy that always chooses one manner. */
export const blocking = () => new BlockingPolicy({ bytesMax: Number.POSITIVE_INFINITY, recentMsMax: Number.POSITIVE_INFINITY })
export const asynchronous = () => new BlockingPolicy({ bytesMax: 0 })

/** Opens a log behind what recovery kept; file numbers go on above every segment present. */
export async function openWal(vfs: Vfs, o: Partial<WalOptions> = {}): Promise<Wal> {
  await vfs.makeDirectory(directory)
  let next = Math.max(0, ...(await vfs.list(directory)).map((name) => parseSegmentFileName(name) ?? 0)) + 1
  const defaults = { clock: new SimulatedClock(), events: new GuardedEventBus(), segments: [], lastOpId: o.segments?.at(-1)?.lastOpId ?? 0 }
  return Wal.open({ vfs, directory, nextFileNumber: () => next++, policy: blocking(), ...defaults, ...o })
}

/** Puts one batch into the log. */
export async function put(wal: Wal, opId: number, block = rows(opId * 100)): Promise<void> {
  wal.begin(opId, opId * 10)
  wal.section('insert', place, block)
  wal.end()
  await wal.commit()
}

export interface ReadBack extends RecoveredWal {
  readonly ops: number[]
  readonly keys: number[]
}

/** Recovers the log; ops and keys in the order in which they came. */
export async function recover(vfs: Vfs, o: Partial<RecoverWalOptions> = {}): Promise<ReadBack> {
  const ops: number[] = []
  const keys: number[] = []
  const onBatch = (batch: LogBatch) => {
    ops.push(batch.opId)
    keys.push(...keysOf(batch))
  }
  const recovered = await recoverWal({ vfs, directory, mode: 'strict', readOnly: false, onBatch, ...o })
  return { ...recovered, ops, keys }
}

/** 1, 2, … n */
export function upTo(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i + 1)
}
