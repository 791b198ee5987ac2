import test from 'ava'
import { FlushDeltaMemStoreOp } from '../../../plugins/flush/index.ts'
import type { MaintenanceOpStats, Tablet } from '../../../src/plugin.ts'

const mebibyte = 1 << 20

interface FakeStore {
  readonly usedBytes: number
  readonly changeCount: number
  readonly oldestOpId: number
  readonly isFrozen?: boolean
  readonly isClaimed?: boolean
  readonly patience?: number
}

/** A tablet of which only what the op looks at is there: a rowset for each store. */
function tabletWith(stores: readonly FakeStore[], o: { logBytesOf?: (opId: number) => number } = {}) {
  const host = { monotonicMs: 0, logBytesRetainedBy: ({ oldestOpId }: { oldestOpId: number }) => o.logBytesOf?.(oldestOpId) ?? 0 }
  const frozen: unknown[] = []
  const interrupted: unknown[] = []
  const tablet = {
    label: 't/0',
    schema: { maintenance: { priority: 2 } },
    host,
    disk: { rowsets: stores.map((_, i) => i) },
    changesOf: (i: number) => (stores[i]?.isFrozen ? undefined : stores[i]),
    frozenChangesOf: (i: number) => (stores[i]?.isFrozen ? { store: stores[i] } : undefined),
    claims: {
      allows: (_: string, i: number) => !stores[i]?.isClaimed,
      interrupt: (_: string, i: number) => interrupted.push(i),
      patienceOf: (i: number) => stores[i]?.patience ?? 1,
    },
    freezeChanges: (i: number) => {
      if (stores[i]?.isClaimed) return undefined
      frozen.push(i)
      return { rowset: i, store: stores[i], cut: 9 }
    },
    onChange: () => undefined,
  }
  const op = new FlushDeltaMemStoreOp(tablet as unknown as Tablet, { thresholdBytes: mebibyte, maxAgeMs: 1000, compression: 'none' })
  const stats = () => {
    const filled = { runnable: false, ramAnchoredBytes: 0, logsRetainedBytes: 0, perfImprovement: 0 } as MaintenanceOpStats
    op.updateStats(filled)
    return filled
  }
  return { op, host, stats, frozen, interrupted }
}

const store = (usedBytes: number, oldestOpId: number, isFrozen = false): FakeStore => ({ usedBytes, changeCount: 10, oldestOpId, isFrozen })

test('without changes there is nothing to do', (t) => {
  const { op, stats } = tabletWith([])
  t.false(stats().runnable)
  t.false(op.prepare())
})

test('the rowset whose changes are furthest past the threshold goes first, with its own memory and log as the gain', (t) => {
  const { op, stats, frozen } = tabletWith([store(2 * mebibyte, 5), store(4 * mebibyte, 9), store(1000, 1)], {
    logBytesOf: (opId) => 100 - opId,
  })
  t.like(stats(), { runnable: true, ramAnchoredBytes: 4 * mebibyte, logsRetainedBytes: 91, perfImprovement: 4 })
  t.true(op.prepare())
  t.deepEqual(frozen, [1])
})

test('what a failed attempt left frozen is worth 1, whatever its size', (t) => {
  const { op, stats, frozen } = tabletWith([store(1000, 5), store(500, 9, true)])
  t.is(stats().perfImprovement, 1)
  op.prepare()
  t.deepEqual(frozen, [1])
})

test('while none scores, the rowset that keeps the most log goes first; if none keeps any, the largest', (t) => {
  const stores = [store(1000, 7), store(3000, 8), store(2000, 6)]
  const keeping = tabletWith(stores, { logBytesOf: (opId) => (opId < 8 ? 4096 : 0) })
  t.like(keeping.stats(), { runnable: true, perfImprovement: 0, logsRetainedBytes: 4096 })
  keeping.op.prepare()
  t.deepEqual(keeping.frozen, [2])
  const free = tabletWith(stores)
  free.op.prepare()
  t.deepEqual(free.frozen, [1])
})

test('age makes small changes worth flushing, and the op asks for the moment when it does', (t) => {
  const { host, stats } = tabletWith([store(1000, 7)])
  t.like(stats(), { perfImprovement: 0, askAgainInMs: 1000 })
  host.monotonicMs = 400
  t.like(stats(), { perfImprovement: 0, askAgainInMs: 600 })
  host.monotonicMs = 1000
  const old = stats().perfImprovement
  t.true(old > 0 && old < 1)
  host.monotonicMs = 5000
  t.is(stats().perfImprovement, 1)
})

test('changes of a rowset that is being merged wait, until there are so many that the merge is cancelled', (t) => {
  const few = tabletWith([{ ...store(3.9 * mebibyte, 1), isClaimed: true }, store(1000, 5)])
  t.is(few.stats().ramAnchoredBytes, 1000)
  t.true(few.op.prepare())
  t.deepEqual([few.frozen, few.interrupted], [[1], []])
  const alone = tabletWith([{ ...store(3.9 * mebibyte, 1), isClaimed: true }])
  t.false(alone.stats().runnable)
  t.false(alone.op.prepare())
  const many = tabletWith([{ ...store(4 * mebibyte, 1), isClaimed: true }, store(1000, 5)])
  t.true(many.stats().runnable)
  t.false(many.op.prepare())
  t.deepEqual([many.frozen, many.interrupted], [[], [0]])
})

test('a merge with patience is cancelled by so many times more', (t) => {
  const few = tabletWith([{ ...store(15.9 * mebibyte, 1), isClaimed: true, patience: 4 }])
  t.false(few.stats().runnable)
  t.false(few.op.prepare())
  const many = tabletWith([{ ...store(16 * mebibyte, 1), isClaimed: true, patience: 4 }])
  t.false(many.op.prepare())
  t.deepEqual([few.interrupted, many.interrupted], [[], [0]])
})
