import test from 'ava'
import { DeletingCleaner } from '../../src/cleaner/deleting-cleaner.ts'
import { GuardedEventBus } from '../../src/events/event-bus.ts'
import { Clock, definePlugin, type EngineOptions, EventBus, engineOptions, Lifecycle } from '../../src/plugin.ts'
import { MemoryVfs, openMemory, SimulatedClock } from '../../src/testing/index.ts'
import { countingVfs } from '../../src/vfs/counting-vfs.ts'
import { rowsFrom, small } from './kit.ts'

/** What JavaScript lets one do. */
type Writable = { -readonly [K in keyof EngineOptions]: EngineOptions[K] }

const replacements: Record<string, (options: Writable) => void> = {
  clock: (options) => {
    options.clock = new SimulatedClock()
  },
  events: (options) => {
    options.events = new GuardedEventBus()
  },
}

for (const [name, replace] of Object.entries(replacements)) {
  test(`configure cannot replace ${name}, which maintenance would not follow; nothing is made or locked`, async (t) => {
    const vfs = new MemoryVfs()
    const service = name === 'clock' ? 'Clock' : 'EventBus'
    const message = new RegExp(`options.${name}, .* service ${service} with a plugin`)
    await t.throwsAsync(openMemory({}, { vfs, configure: replace }), { instanceOf: TypeError, message })
    const plugin = definePlugin({
      name: 'replacing',
      contributes: [Lifecycle],
      bind: (module) => module.contribute(Lifecycle, [], () => ({ configure: (options) => replace(options as Writable) })),
    })
    await t.throwsAsync(openMemory({ plugins: [plugin] }, { vfs }), { instanceOf: TypeError, message })
    t.deepEqual([...vfs.snapshot().keys()], [])
    await (await openMemory({}, { vfs })).close()
  })
}

test('a clock that a plugin provides is the one that engine and maintenance go by', async (t) => {
  const clock = new SimulatedClock()
  const plugin = definePlugin({ name: 'own-clock', provides: [Clock], bind: (module) => module.provide(Clock, [], () => clock) })
  let configured: Clock | undefined
  const configure = (options: EngineOptions) => {
    configured = options.clock
  }
  const db = await openMemory({ plugins: [plugin] }, { configure })
  t.is(configured, clock)
  await (await db.createTable(small)).insert(rowsFrom(0, 10))
  await clock.advance(1_000_000)
  t.is(db.maintenance.status().system.nowMs, clock.nowMs())
  t.true(db.metrics().flush.count > 0, 'rows are old by that clock, and were flushed for it')
  await db.close()
})

test('an event bus that a plugin provides is told by engine, maintenance and memory', async (t) => {
  const events = new GuardedEventBus()
  const told = new Set<string>()
  for (const event of ['wal:created', 'op:begin', 'flush:end', 'memory:pressure', 'file:deleted'] as const) {
    events.on(event, () => told.add(event))
  }
  const plugin = definePlugin({ name: 'own-bus', provides: [EventBus], bind: (module) => module.provide(EventBus, [], () => events) })
  const db = await openMemory({ plugins: [plugin], memory: { limit: '8MiB' } })
  t.is(db.events, events)
  const table = await db.createTable(small)
  const fat = (id: number) => ({ id, text: 'x'.repeat(10_000) })
  for (let first = 0; first < 1000; first += 50) await table.insert(Array.from({ length: 50 }, (_, i) => fat(first + i)))
  await db.close({ flush: true })
  t.deepEqual([...told].sort(), ['file:deleted', 'flush:end', 'memory:pressure', 'op:begin', 'wal:created'])
})

test('configure may replace the file system and the cleaner, and the engine uses those', async (t) => {
  const inner = new MemoryVfs()
  const vfs = countingVfs(inner)
  const cleaned: string[] = []
  class Telling extends DeletingCleaner {
    override clean(...[files, kind, path]: Parameters<DeletingCleaner['clean']>): Promise<void> {
      cleaned.push(kind)
      return super.clean(files, kind, path)
    }
  }
  const db = await openMemory(
    {},
    {
      configure: (options) => {
        options.vfs = vfs
        options.cleaner = new Telling()
      },
    },
  )
  await (await db.createTable(small)).insert(rowsFrom(0, 10))
  await db.close({ flush: true })
  t.true(vfs.traffic.sstable.writtenBytes > 0)
  t.true(cleaned.includes('wal'))
})

test('a configure that returns a promise is refused, whatever becomes of the promise; nothing is made or locked', async (t) => {
  const vfs = new MemoryVfs()
  const late = async () => {
    await Promise.resolve()
    throw new Error('late')
  }
  const message = /configure.* is synchronous, but returned a promise/
  await t.throwsAsync(openMemory({}, { vfs, configure: late }), { message })
  const plugin = definePlugin({
    name: 'late',
    contributes: [Lifecycle],
    bind: (module) => module.contribute(Lifecycle, [], () => ({ configure: late })),
  })
  await t.throwsAsync(openMemory({ plugins: [plugin] }, { vfs }), { message })
  await t.throwsAsync(openMemory({}, { vfs, configure: 5 as never }), { instanceOf: TypeError, message: /configure is a function/ })
  t.deepEqual([...vfs.snapshot().keys()], [])
})

test('engineOptions fills in what is not given, for those who attach to a database that is not opened yet', async (t) => {
  const clock = new SimulatedClock()
  const options = engineOptions({ directory: '/db', clock })
  t.is(options.directory, '/db')
  t.is(options.clock, clock)
  t.is(options.vfs.name, 'disk')
  t.is(options.cleaner.name, new DeletingCleaner().name)
  t.is(options.reads, undefined)
  const heard: string[] = []
  options.events.on('wal:created', ({ path }) => heard.push(path))
  options.events.emit('wal:created', { fileNumber: 1, path: '/db/000001.wal' })
  t.deepEqual(heard, ['/db/000001.wal'])
  await t.throwsAsync(options.checkpoint('/copy', new MemoryVfs()), { code: 'DATABASE_CLOSED' })
})
