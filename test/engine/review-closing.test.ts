import test from 'ava'
import { definePlugin, MaintenanceOpFactory, type Tablet, WorkerPool } from '../../src/plugin.ts'
import { MemoryVfs, openMemory, SimulatedClock } from '../../src/testing/index.ts'
import { outcome, rowsFrom, small, sstFiles, turns } from './kit.ts'

test('closing succeeds on a full disk when everything is durable already', async (t) => {
  const vfs = new MemoryVfs()
  const db = await openMemory({}, { vfs })
  const table = await db.createTable(small)
  await table.insert(rowsFrom(0, 1000))
  await db.flush()
  await db.sync()
  vfs.capacityBytes = vfs.usedBytes
  t.is(await outcome(db.close()), undefined)
  vfs.capacityBytes = Number.POSITIVE_INFINITY
  const again = await openMemory({}, { vfs })
  t.is(await again.table(small).count(), 1000)
  await again.close()
})

test('closing does not wait for writes that are being slowed', async (t) => {
  const clock = new SimulatedClock()
  const db = await openMemory({ memory: { limit: '8MiB' }, disable: ['flush'] }, { clock })
  const table = await db.createTable(small)
  let next = 0
  while (db.metrics().memory.level !== 'soft-limit') {
    await table.insert(rowsFrom(next, 2000))
    next += 2000
  }
  // Each waits for the clock, which stands still.
  const slowed = [0, 1, 2].map((i) => outcome(table.insert(rowsFrom(next + i * 20_000, 20_000))))
  await turns(20)
  t.is(await Promise.race([outcome(db.close()), turns(2000).then(() => 'never')]), undefined)
  t.deepEqual(await Promise.all(slowed), ['DATABASE_CLOSED', 'DATABASE_CLOSED', 'DATABASE_CLOSED'])
})

test('the directory is let go last, when no job can write to it any more', async (t) => {
  const vfs = new MemoryVfs()
  const seen: unknown[] = []
  /** Its jobs heed no signal; they end when the pool is closed. */
  class DeafPool implements WorkerPool {
    readonly name = 'deaf-pool'
    readonly #rejects: ((error: Error) => void)[] = []
    run<R>(): Promise<R> {
      return new Promise((_, reject) => this.#rejects.push(reject))
    }
    async close(): Promise<void> {
      seen.push(await outcome(openMemory({}, { vfs })))
      for (const reject of this.#rejects) reject(new Error('The pool was closed.'))
    }
  }
  const deafPool = definePlugin({
    name: 'deaf-pool',
    provides: [WorkerPool],
    bind: (module) => module.provide(WorkerPool, [], () => new DeafPool()),
  })
  const { openWith } = await import('../../src/open.ts')
  const { hostService } = await import('../../src/kernel/assembly.ts')
  const { Vfs } = await import('../../src/vfs/vfs.ts')
  const db = await openWith({ directory: '/db', plugins: [deafPool] }, {}, [hostService(Vfs, vfs)])
  db.events.on('background-error', () => undefined)
  const table = await db.createTable(small)
  await table.insert(rowsFrom(0, 10))
  const flushing = outcome(db.flush())
  await turns(3)
  await db.close({ timeoutMs: 1 })
  t.deepEqual(seen, ['DATABASE_LOCKED'])
  t.not(await flushing, undefined)
  const again = await openMemory({}, { vfs })
  t.is(await again.table(small).count(), 10)
  t.deepEqual(sstFiles(vfs), [])
  await again.close()
})

test('a flush fails, and closing ends, when a large write could not be applied', async (t) => {
  const tablets: Tablet[] = []
  const spy = definePlugin({
    name: 'spy',
    contributes: [MaintenanceOpFactory],
    bind(module) {
      const forTablet = (tablet: unknown) => {
        tablets.push(tablet as Tablet)
        return []
      }
      module.contribute(MaintenanceOpFactory, [], () => ({ forTablet }))
    },
  })
  const vfs = new MemoryVfs()
  const db = await openMemory({ plugins: [spy] }, { vfs })
  const errors: string[] = []
  db.events.on('background-error', ({ error }) => errors.push(error.message))
  const table = await db.createTable(small)
  await table.insert(rowsFrom(0, 10))
  const [tablet] = tablets as [Tablet]
  const { insert } = tablet
  let calls = 0
  tablet.insert = (...args: Parameters<typeof insert>) => {
    if (++calls === 2) throw new Error('no memory')
    insert.apply(tablet, args)
  }
  const inserted = outcome(table.insert(rowsFrom(1000, 10_000)))
  const flushed = outcome(db.flush())
  t.is(await inserted, 'Error: no memory')
  t.deepEqual(errors, ['no memory'])
  t.is(await Promise.race([flushed, turns(2000).then(() => 'never')]), 'WRITES_STOPPED')
  t.is(await outcome(table.insert(rowsFrom(5))), 'WRITES_STOPPED')
  t.is(await table.count(), 10, 'nothing of it is seen')
  t.is(await Promise.race([outcome(db.close()), turns(2000).then(() => 'never')]), undefined)
  const again = await openMemory({}, { vfs })
  t.is(await again.table(small).count(), 10_010, 'the log has it')
  await again.close()
})
