import test from 'ava'
import { ThresholdPolicy } from '../../../plugins/threshold-policy/threshold-policy.ts'
import { schedulingPolicy } from '../../../src/conformance/scheduling-policy.ts'
import type { MaintenanceOpStats } from '../../../src/maintenance/maintenance-op.ts'
import type { Candidate, SystemState } from '../../../src/maintenance/scheduling-policy.ts'
import { FakeOp } from '../../support/fake-ops.ts'

schedulingPolicy(
  (title, run) => {
    test(`conformance: ${title}`, async (t) => {
      await run()
      t.pass()
    })
  },
  () => new ThresholdPolicy(),
)

const MiB = 2 ** 20
const calm: SystemState = {
  nowMs: 1_000_000,
  monotonicMs: 50_000,
  memoryUsedBytes: 0,
  memoryHeldBytes: 0,
  memoryLimitBytes: 100 * MiB,
  memoryPressureBytes: 60 * MiB,
  memorySoftLimitBytes: 80 * MiB,
  walBytes: 0,
  walTargetBytes: 64 * MiB,
  threadsFree: 1,
  onlyFlush: false,
}

function candidate(
  name: string,
  stats: Partial<MaintenanceOpStats>,
  o: { low?: boolean; priority?: number; runnableSinceMs?: number } = {},
): Candidate {
  const none = {
    ramAnchoredBytes: 0,
    logsRetainedBytes: 0,
    dataRetainedBytes: 0,
    perfImprovement: 0,
    workloadScore: 0,
    ioBytes: 0,
    cpuMs: 0,
    dueAtMs: undefined,
  }
  const op = new FakeOp(name, {}, { ioUsage: o.low ? 'low' : 'high', priority: o.priority ?? 0 })
  return { op, stats: { runnable: true, ...none, ...stats }, runnableSinceMs: o.runnableSinceMs ?? 0, runningCount: 0 }
}

const all = [
  candidate('frees disk', { dataRetainedBytes: 500 * MiB }),
  candidate('improves', { perfImprovement: 0.5 }),
  candidate('overdue', { dueAtMs: 400_000 }),
  candidate('retains log', { logsRetainedBytes: 40 * MiB }),
  candidate('frees memory', { ramAnchoredBytes: 20 * MiB }),
  candidate('frees log cheaply', { logsRetainedBytes: 8 * MiB }, { low: true }),
]
const strained = { ...calm, memoryHeldBytes: 70 * MiB, walBytes: 65 * MiB }

test('its rules apply in their order, each reason with its figures', (t) => {
  const policy = new ThresholdPolicy()
  const order: [string, RegExp][] = [
    ['frees log cheaply', /8\.0 MiB of log at low cost/],
    ['frees memory', /70\.0 MiB held, 70 % of the limit.*20\.0 MiB/],
    ['retains log', /65\.0 MiB.*target of 64\.0 MiB.*40\.0 MiB/],
    ['overdue', /due for 600 s/],
    ['improves', /score, 0\.5/],
    ['frees disk', /500\.0 MiB on disk/],
  ]
  let left = all
  for (const [name, reason] of order) {
    const choice = policy.choose(left, strained)
    t.is(choice.op?.name, name)
    t.regex(choice.reason, reason)
    t.deepEqual(
      [...(choice.scores?.keys() ?? [])],
      left.map(({ op }) => op),
    )
    left = left.filter((each) => each.op !== choice.op)
  }
})

test('without pressure and within the target, memory and log decide nothing', (t) => {
  const choice = new ThresholdPolicy().choose(all.slice(0, -1), { ...calm, walBytes: 64 * MiB })
  t.is(choice.op?.name, 'overdue')
})

test('upkeep that is not due yet is not begun', (t) => {
  t.is(new ThresholdPolicy().choose([candidate('later', { dueAtMs: 1_000_001 })], calm).op, undefined)
  t.is(new ThresholdPolicy().choose([candidate('now', { dueAtMs: 1_000_000 })], calm).op?.name, 'now')
})

test('a priority weighs a tenth a step, and of equals the one that waited longest is chosen', (t) => {
  const policy = new ThresholdPolicy()
  const chosen = (...candidates: Candidate[]) => policy.choose(candidates, calm).op?.name
  t.is(chosen(candidate('a', { perfImprovement: 1 }), candidate('b', { perfImprovement: 0.95 }, { priority: 1 })), 'b')
  t.is(chosen(candidate('a', { perfImprovement: 1 }), candidate('b', { perfImprovement: 0.9 }, { priority: 1 })), 'a')
  t.is(
    chosen(
      candidate('a', { perfImprovement: 1 }, { runnableSinceMs: 20 }),
      candidate('b', { perfImprovement: 1 }, { runnableSinceMs: 10 }),
    ),
    'b',
  )
})

test('without candidates the reason says that there is nothing to do', (t) => {
  t.is(new ThresholdPolicy().choose([], calm).reason, 'No op has anything to do.')
})
