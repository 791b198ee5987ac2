import assert from 'node:assert/strict'
import type { MaintenanceOp, MaintenanceOpKind, MaintenanceOpStats } from '../maintenance/maintenance-op.ts'
import type { Candidate, SchedulingPolicy, SystemState } from '../maintenance/scheduling-policy.ts'
import type { ConformanceTest } from './block-cache.ts'

const MiB = 2 ** 20

/** An op that is never run: policies only look at it. */
function op(name: string, o: { kind?: MaintenanceOpKind; ioUsage?: 'low' | 'high'; priority?: number } = {}): MaintenanceOp {
  const { kind = 'compaction', ioUsage = 'high', priority = 0 } = o
  return { name, kind, ioUsage, priority, updateStats() {}, prepare: () => false, perform: () => Promise.resolve() }
}

function candidate(of: MaintenanceOp, stats: Partial<MaintenanceOpStats> = {}, runnableSinceMs = 0): Candidate {
  const none = {
    ramAnchoredBytes: 0,
    logsRetainedBytes: 0,
    dataRetainedBytes: 0,
    perfImprovement: 0,
    workloadScore: 0,
    ioBytes: 0,
    cpuMs: 0,
  }
  return Object.freeze({
    op: of,
    stats: Object.freeze({ runnable: true, dueAtMs: undefined, ...none, ...stats }),
    runnableSinceMs,
    runningCount: 0,
  })
}

function system(o: Partial<SystemState> = {}): SystemState {
  return Object.freeze({
    nowMs: 1_800_000_000_000,
    monotonicMs: 1_000_000,
    memoryUsedBytes: 10 * MiB,
    memoryHeldBytes: 10 * MiB,
    memoryLimitBytes: 256 * MiB,
    memoryPressureBytes: 153 * MiB,
    memorySoftLimitBytes: 204 * MiB,
    walBytes: 8 * MiB,
    walTargetBytes: 64 * MiB,
    threadsFree: 2,
    onlyFlush: false,
    ...o,
  })
}

/** A little of everything, so that every rule of a policy has something to say. */
function mixture(count: number): Candidate[] {
  return Array.from({ length: count }, (_, index) =>
    candidate(
      op(`Op(${index})`, {
        kind: index % 3 === 0 ? 'flush' : 'compaction',
        ioUsage: index % 7 === 0 ? 'low' : 'high',
        priority: (index % 11) - 5,
      }),
      {
        ramAnchoredBytes: index % 3 === 0 ? index * 1000 : 0,
        logsRetainedBytes: index % 5 === 0 ? index * 500 : 0,
        dataRetainedBytes: index % 4 === 0 ? index * 200 : 0,
        perfImprovement: (index % 13) / 13,
        workloadScore: (index % 3) / 3,
        ioBytes: index * 1000,
        cpuMs: index % 100,
        dueAtMs: index % 17 === 0 ? 1_800_000_000_000 - index : undefined,
      },
      1_000_000 - index,
    ),
  )
}

/**
 * What every scheduling policy must do, whatever order it prefers. `make` returns a fresh policy each time (one that
 * uses chance with the same seed). Candidates and state are frozen: a policy that changes them fails here.
 */
export function schedulingPolicy(test: ConformanceTest, make: () => SchedulingPolicy): void {
  test('a policy has a name', async () => {
    assert.match(make().name, /\S/)
  })

  test('of no candidates a policy chooses none and says so', async () => {
    const choice = make().choose([], system())
    assert.equal(choice.op, undefined)
    assert.match(choice.reason, /\S/)
    assert.equal(choice.scores?.size ?? 0, 0)
  })

  test('what a policy chooses is a candidate, its reason is in words; of a policy that scores, every candidate has one', async () => {
    const candidates = mixture(200)
    for (const state of [
      system(),
      system({ memoryHeldBytes: 200 * MiB }),
      system({ walBytes: 100 * MiB }),
      system({ memoryHeldBytes: 300 * MiB, walBytes: 100 * MiB }),
    ]) {
      const choice = make().choose(candidates, state)
      assert.ok(
        candidates.some((each) => each.op === choice.op),
        'with two hundred good ops something must be chosen, of those given',
      )
      assert.match(choice.reason, /\w+ \w+/)
      const { scores } = choice
      if (!scores) continue
      for (const each of candidates) assert.ok(Number.isFinite(scores.get(each.op)), `${each.op.name} has no finite score`)
    }
  })

  test('equal questions have equal answers', async () => {
    const candidates = mixture(50)
    const [one, other] = [make(), make()]
    for (let walMiB = 0; walMiB < 128; walMiB += 8) {
      const state = system({ walBytes: walMiB * MiB, memoryHeldBytes: (walMiB + 60) * MiB })
      assert.equal(one.choose(candidates, state).op, other.choose(candidates, state).op)
    }
  })

  test('work that brings nothing is not begun', async () => {
    assert.equal(make().choose([candidate(op('Idle'))], system()).op, undefined)
  })

  test('under memory pressure an op that frees memory goes before one that improves reads', async () => {
    const flush = op('Flush', { kind: 'flush' })
    const candidates = [
      candidate(op('Compact'), { perfImprovement: 0.9 }),
      candidate(flush, { ramAnchoredBytes: 64 * MiB, perfImprovement: 0.1 }),
    ]
    assert.equal(make().choose(candidates, system({ memoryHeldBytes: 250 * MiB })).op, flush)
  })

  test('with the log past its target an op that retains log goes before one that improves reads', async () => {
    const flush = op('Flush', { kind: 'flush' })
    const candidates = [
      candidate(op('Compact'), { perfImprovement: 0.9 }),
      candidate(flush, { logsRetainedBytes: 60 * MiB, perfImprovement: 0.1 }),
    ]
    assert.equal(make().choose(candidates, system({ walBytes: 70 * MiB })).op, flush)
  })

  test('of two ops that differ in their good alone, the better one is chosen', async () => {
    const better = op('Better')
    const candidates = [
      candidate(op('Worse'), { perfImprovement: 0.2, ioBytes: MiB, cpuMs: 10 }),
      candidate(better, { perfImprovement: 0.8, ioBytes: MiB, cpuMs: 10 }),
    ]
    assert.equal(make().choose(candidates, system()).op, better)
  })

  test('extreme figures neither throw nor make a score that is not a number', async () => {
    const huge = {
      ramAnchoredBytes: 2 ** 53,
      logsRetainedBytes: 2 ** 53,
      dataRetainedBytes: 2 ** 53,
      perfImprovement: 1e9,
      workloadScore: 1e9,
      ioBytes: 2 ** 53,
      cpuMs: 1e12,
    }
    const candidates = [
      candidate(op('Huge', { priority: 5 }), huge),
      candidate(op('Negative', { priority: -5 }), { perfImprovement: -1 }),
      candidate(op('None')),
    ]
    const choice = make().choose(
      candidates,
      system({ memoryLimitBytes: 1, memoryPressureBytes: 0, memorySoftLimitBytes: 0, walTargetBytes: 0 }),
    )
    for (const each of candidates) assert.ok(!Number.isNaN(choice.scores?.get(each.op)))
  })
}
