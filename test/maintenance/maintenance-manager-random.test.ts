import test from 'ava'
import fc from 'fast-check'
import { ThresholdPolicy } from '../../plugins/threshold-policy/threshold-policy.ts'
import { MaintenanceManager } from '../../src/maintenance/maintenance-manager.ts'
import { SharedMemoryBudget } from '../../src/maintenance/shared-memory-budget.ts'
import { SimulatedClock } from '../../src/testing/simulated-clock.ts'
import { FakeOp, noPool, RecordingEvents } from '../support/fake-ops.ts'

const retryGraceMs = 1000
const opCount = 8

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('change' as const), op: fc.nat(opCount - 1), score: fc.nat(10), ramMiB: fc.nat(20) }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('finish' as const), op: fc.nat(opCount - 1), again: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('fail' as const), op: fc.nat(opCount - 1) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.nat(600) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('runNow' as const), op: fc.nat(opCount - 1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('unregister' as const), op: fc.nat(opCount - 1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('register' as const), op: fc.nat(opCount - 1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('refuse' as const), op: fc.nat(opCount - 1), prepared: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('pause' as const), paused: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('memory' as const), heldMiB: fc.nat(110) }) },
)
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

/** A manager, ops that check the promises made to them whenever they are used, and the model of who may run. */
class World {
  readonly clock = new SimulatedClock()
  readonly events = new RecordingEvents()
  readonly buffers = { name: 'buffers', kind: 'write-buffer' as const, usedBytes: 0 }
  readonly memory = new SharedMemoryBudget({ limitBytes: 100 * 2 ** 20, events: this.events })
  readonly threads: number
  readonly manager: MaintenanceManager
  readonly ops: FakeOp[]
  readonly registered = new Set<FakeOp>()
  /** Those whose `unregister()` has not resolved: their names are taken still. */
  readonly leaving = new Set<FakeOp>()
  readonly failedAtMs = new Map<FakeOp, number>()
  readonly byRunNow = new Set<FakeOp>()
  readonly broken: string[] = []
  paused = false
  runNowCount = 0
  settledCount = 0

  constructor(threads: number) {
    this.threads = threads
    this.memory.register(this.buffers)
    this.manager = new MaintenanceManager({
      clock: this.clock,
      events: this.events,
      memory: this.memory,
      policy: new ThresholdPolicy(),
      pool: noPool,
      threads,
      pollIntervalMs: 250,
      retryGraceMs,
      historyCount: 16,
    })
    this.ops = Array.from(
      { length: opCount },
      (_, index) => new FakeOp(`Op(${index})`, {}, { kind: index < 3 ? 'flush' : 'compaction', maxInstances: index === 5 ? 2 : 1 }),
    )
    for (const op of this.ops) this.#watch(op)
    this.manager.start()
  }

  #watch(op: FakeOp): void {
    const perform = op.perform.bind(op)
    op.perform = (context) => {
      const callers = this.#inRunNow || this.byRunNow.has(op)
      this.claim(this.registered.has(op), `${op.name} ran though unregistered`)
      this.claim(op.runs.length < (op.maxInstances ?? 1), `${op.name} ran twice at a time`)
      this.claim(op.preparedCount === op.performedCount + op.refusedCount + 1, `${op.name} was prepared without being performed`)
      if (!callers) this.#checkScheduled(op)
      return perform(context)
    }
    const prepare = op.prepare.bind(op)
    op.prepare = () => {
      const prepared = prepare()
      if (!prepared) op.refusedCount++
      return prepared
    }
  }

  #inRunNow = false

  #checkScheduled(op: FakeOp): void {
    const running = this.ops.flatMap((each) => each.runs.map(() => each))
    this.claim(!this.paused, `${op.name} was begun while paused`)
    this.claim(running.length < this.threads, `${op.name} was begun beside ${running.length} of ${this.threads} threads`)
    const others = running.filter((each) => each.kind !== 'flush').length
    if (op.kind !== 'flush') this.claim(others < Math.max(1, this.threads - 1), `${op.name} took the thread kept for flushes`)
    const failedAtMs = this.failedAtMs.get(op) ?? Number.NEGATIVE_INFINITY
    this.claim(this.clock.monotonicMs() >= failedAtMs + retryGraceMs, `${op.name} was retried before its grace was over`)
  }

  claim(holds: boolean, message: string): void {
    if (!holds) this.broken.push(message)
  }

  async take(each: Step): Promise<void> {
    const op = 'op' in each ? (this.ops[each.op] as FakeOp) : undefined
    if (each.do === 'advance') await this.clock.advance(each.ms)
    else if (each.do === 'memory') {
      this.buffers.usedBytes = each.heldMiB * 2 ** 20
      this.memory.changed()
    } else if (each.do === 'pause') {
      this.paused = each.paused
      if (each.paused) this.manager.pause()
      else this.manager.resume()
    } else if (op) await this.#takeOp(op, each)
  }

  async #takeOp(op: FakeOp, each: Step): Promise<void> {
    if (each.do === 'change')
      op.change({ runnable: each.score > 2, perfImprovement: each.score, ramAnchoredBytes: each.ramMiB * 2 ** 20, cpuMs: 5 })
    if (each.do === 'refuse') op.prepared = each.prepared
    if (each.do === 'register' && !this.registered.has(op)) {
      this.registered.add(op)
      try {
        this.manager.register(op)
      } catch (error) {
        this.registered.delete(op)
        this.claim(this.leaving.has(op), `${op.name} could not be registered: ${String(error)}`)
      }
    }
    if (each.do === 'unregister' && this.registered.has(op)) {
      this.registered.delete(op)
      this.leaving.add(op)
      void op.registration?.unregister().then(() => {
        this.leaving.delete(op)
        this.claim(op.runs.length === 0, `${op.name} ran on after unregister`)
      })
    }
    if (each.do === 'finish' && op.runs.length > 0) op.finish(each.again ? { runnable: true, perfImprovement: 3 } : {})
    if (each.do === 'fail' && op.runs.length > 0) {
      op.fail('as told')
      this.failedAtMs.set(op, this.clock.monotonicMs())
    }
    if (each.do === 'runNow' && this.registered.has(op)) this.#runNow(op)
  }

  #runNow(op: FakeOp): void {
    this.runNowCount++
    this.byRunNow.add(op)
    this.#inRunNow = true
    const settled = () => {
      this.settledCount++
    }
    this.manager.runNow(op).then(settled, settled)
    this.#inRunNow = false
  }

  /** Whatever happened: after everything is unregistered and ended, nothing is left. */
  async end(): Promise<void> {
    const gone = this.ops.map((op) => op.registration?.unregister())
    for (let round = 0; round < 5; round++) {
      for (const op of this.ops) for (const run of [...op.runs]) run.outcome.resolve()
      await this.clock.advance(0)
    }
    await Promise.all(gone)
    const status = this.manager.status()
    this.claim(
      status.opCount === 0 && status.runnableCount === 0 && status.running.length === 0 && status.failing.length === 0,
      'unregistering left something behind',
    )
    this.claim(this.settledCount === this.runNowCount, `${this.runNowCount - this.settledCount} calls of runNow never ended`)
    await this.manager.shutdown()
    this.claim(this.clock.pending === 0, 'a timer was left')
    const begun = this.events.of('op:begin').map(({ jobId }) => jobId)
    const ended = this.events.of('op:end').map(({ jobId }) => jobId)
    this.claim(
      begun.length === new Set(begun).size && begun.sort((a, b) => a - b).join() === ended.sort((a, b) => a - b).join(),
      'an op:begin has not exactly one op:end',
    )
  }
}

for (const threads of [1, 2, 3]) {
  test(`on random schedules over ${threads} threads every promise to ops and callers is kept`, async (t) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const world = new World(threads)
        for (const op of world.ops) await world.take({ do: 'register', op: world.ops.indexOf(op) })
        for (const each of steps) await world.take(each)
        await world.end()
        if (world.broken.length > 0) throw new Error(world.broken.join('\n'))
      }),
      { numRuns: 150 },
    )
    t.pass()
  })
}
