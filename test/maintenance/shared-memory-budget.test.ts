import test from 'ava'
import type { MemoryConsumer } from '../../src/maintenance/memory-budget.ts'
import { SharedMemoryBudget } from '../../src/maintenance/shared-memory-budget.ts'
import { RecordingEvents } from '../support/fake-ops.ts'

function setUp() {
  const events = new RecordingEvents()
  const budget = new SharedMemoryBudget({ limitBytes: 1000, events })
  const use = { buffers: 0, cache: 0, work: 0 }
  const consumer = (name: keyof typeof use, kind: MemoryConsumer['kind']): MemoryConsumer => ({
    name,
    kind,
    get usedBytes() {
      return use[name]
    },
  })
  const registrations = [
    budget.register(consumer('buffers', 'write-buffer')),
    budget.register(consumer('cache', 'cache')),
    budget.register(consumer('work', 'work')),
  ]
  return { events, budget, use, registrations }
}

test('the level follows what is held, at 60, 80 and 100 percent of the limit, without being told', (t) => {
  const { budget, use } = setUp()
  const levels: [number, string][] = [
    [0, 'normal'],
    [599, 'normal'],
    [600, 'pressure'],
    [799, 'pressure'],
    [800, 'soft-limit'],
    [999, 'soft-limit'],
    [1000, 'hard-limit'],
    [5000, 'hard-limit'],
    [10, 'normal'],
  ]
  for (const [bytes, level] of levels) {
    use.buffers = bytes
    t.is(budget.level(), level as never, `${bytes}`)
  }
})

test('a cache counts as used but not as held, work in flight counts as both', (t) => {
  const { budget, use } = setUp()
  Object.assign(use, { buffers: 100, cache: 800, work: 50 })
  t.is(budget.usedBytes, 950)
  t.is(budget.heldBytes, 150)
  t.is(budget.level(), 'normal')
})

test('a change of level is told once, up and down, by event and to listeners', (t) => {
  const { budget, events, use } = setUp()
  const told: string[] = []
  const listening = budget.onLevel((level) => told.push(level))
  for (const bytes of [100, 650, 700, 850, 100, 100]) {
    use.buffers = bytes
    budget.changed()
  }
  t.deepEqual(told, ['pressure', 'soft-limit', 'normal'])
  t.deepEqual(events.of('memory:pressure'), [
    { level: 'pressure', usedBytes: 650, limitBytes: 1000 },
    { level: 'soft-limit', usedBytes: 850, limitBytes: 1000 },
    { level: 'normal', usedBytes: 100, limitBytes: 1000 },
  ])
  listening[Symbol.dispose]()
  use.buffers = 900
  t.is(budget.level(), 'soft-limit')
  t.is(told.length, 3)
})

test('a listener may ask for the level and free memory while it is told', (t) => {
  const { budget, use } = setUp()
  const told: string[] = []
  budget.onLevel((level) => {
    told.push(level, budget.level())
    if (level === 'pressure') {
      use.buffers = 0
      budget.changed()
    }
  })
  use.buffers = 700
  budget.changed()
  t.deepEqual(told, ['pressure', 'pressure', 'normal', 'normal'])
})

test('a listener that throws is reported and the others are told', (t) => {
  const { budget, events, use } = setUp()
  let told = 0
  budget.onLevel(() => {
    throw new Error('defect')
  })
  budget.onLevel(() => told++)
  use.buffers = 700
  t.is(budget.level(), 'pressure')
  t.is(told, 1)
  t.like(events.of('background-error'), [{ error: { message: 'defect' } }])
})

test('a consumer that is disposed no longer counts', (t) => {
  const { budget, use, registrations } = setUp()
  use.buffers = 700
  t.is(budget.level(), 'pressure')
  registrations[0]?.[Symbol.dispose]()
  registrations[0]?.[Symbol.dispose]()
  t.is(budget.usedBytes, 0)
  t.is(budget.level(), 'normal')
})

test('a limit or shares that make no sense are a TypeError', (t) => {
  const events = new RecordingEvents()
  for (const limitBytes of [0, -1, 1.5, Number.NaN])
    t.throws(() => new SharedMemoryBudget({ limitBytes, events }), { instanceOf: TypeError, message: /memory\.limit/ })
  for (const [pressureAt, softLimitAt] of [
    [0, 0.5],
    [0.9, 0.8],
    [0.5, 1.1],
    [Number.NaN, 1],
  ] as const) {
    t.throws(() => new SharedMemoryBudget({ limitBytes: 10, pressureAt, softLimitAt, events }), {
      instanceOf: TypeError,
      message: /pressureAt/,
    })
  }
})
