import test from 'ava'
import { defineTable, hashPartition, int32, string } from '../../src/index.ts'
import { definePlugin, MaintenanceOpFactory, type Tablet } from '../../src/plugin.ts'
import { MemoryVfs, openMemory } from '../../src/testing/index.ts'
import { outcome, rowsFrom, small, turns } from './kit.ts'

/** Settles as the promise does, or with 'never' if that takes more turns of the event loop than anything here can need. */
async function within<V>(promise: Promise<V>, turnsMax = 3000): Promise<V | string> {
  return Promise.race([outcome(promise), turns(turnsMax).then(() => 'never')])
}

/** Hands out the tablets of the database. */
function spy(tablets: Tablet[]) {
  return definePlugin({
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
}

test.serial('a large write to a database that is read only is refused', async (t) => {
  const vfs = new MemoryVfs()
  const db = await openMemory({}, { vfs })
  await db.createTable(small)
  await db.close()
  const reading = await openMemory({ readOnly: true }, { vfs })
  t.is(await within(reading.table(small).insert(rowsFrom(0, 5000))), 'READ_ONLY')
  t.is(
    await within(reading.table(small).insertColumns({ id: Int32Array.from({ length: 5000 }, (_, i) => i), text: Array(5000).fill('') })),
    'READ_ONLY',
  )
  t.is(await within(reading.table(small).insert(rowsFrom(0))), 'READ_ONLY')
  await reading.close()
})

test.serial('a large write with a wrong value that waits behind another one is rejected, and harms nobody', async (t) => {
  await using db = await openMemory()
  const table = await db.createTable(small)
  const unhandled: unknown[] = []
  const listener = (reason: unknown) => unhandled.push(reason)
  process.on('unhandledRejection', listener)
  const first = table.insert(rowsFrom(0, 200_000))
  const wrong = table.insert([{ id: 'x' as unknown as number, text: '' }, ...rowsFrom(300_000, 4200)])
  t.is(await outcome(wrong), 'INVALID_VALUE')
  t.is(await first, 200_000)
  await turns(3)
  process.off('unhandledRejection', listener)
  t.deepEqual(unhandled, [])
})

test.serial('flush, sync and dropTable wait for the writes called before them, not for those that keep coming', async (t) => {
  const vfs = new MemoryVfs()
  await using db = await openMemory({}, { vfs })
  const table = await db.createTable(small)
  const other = await db.createTable({ ...small, name: 'other' })
  let stopped = false
  let next = 0
  // Two writers at least: while the one's write is under way the other's waits, so that the queue is never empty.
  const writers = Array.from({ length: 3 }, async () => {
    while (!stopped) {
      const first = next
      next += 5000
      await table.insert(rowsFrom(first, 5000))
    }
  })
  await turns(5)
  t.is(await within(db.sync(), 400), undefined)
  t.is(await within(db.dropTable(other as never), 400), undefined)
  stopped = true
  await Promise.all(writers)
})

test.serial('a write is visible, and counted, in the tick in which it is applied', async (t) => {
  const tablets: Tablet[] = []
  await using db = await openMemory({ plugins: [spy(tablets)] })
  const parted = defineTable('parted', {
    columns: { id: int32(), text: string() },
    primaryKey: ['id'],
    partitionBy: hashPartition(['id'], 3),
  })
  const table = await db.createTable(parted)
  const wrong: string[] = []
  for (const tablet of tablets) {
    const { insert, host } = tablet
    tablet.insert = (...args: Parameters<typeof insert>) => {
      insert.apply(tablet, args)
      const { opId } = args[3]
      let ticks = 5
      const look = () => {
        if (host.mayFreeze && host.lastAppliedOp < opId) wrong.push(`op ${opId} is applied, the last one is ${host.lastAppliedOp}`)
        if (--ticks > 0) queueMicrotask(look)
      }
      queueMicrotask(look)
    }
  }
  const writes = [table.insert(rowsFrom(0, 5000))]
  for (let i = 1; i < 30; i++) writes.push(table.insert(rowsFrom(10_000 * i, i)))
  await Promise.all(writes)
  t.deepEqual(wrong, [])
})

test.serial('a write that waits its turn is cancelled at once by its signal', async (t) => {
  await using db = await openMemory()
  const table = await db.createTable(small)
  const cancel = new AbortController()
  const first = table.insert(rowsFrom(0, 300_000))
  let firstDone = false
  void first.then(() => {
    firstDone = true
  })
  const waiting = table.insert(rowsFrom(900_000), { signal: cancel.signal })
  const waitingLarge = table.insert(rowsFrom(910_000, 6000), { signal: cancel.signal })
  await turns(2)
  cancel.abort()
  t.is(await outcome(waiting), 'ABORTED')
  t.is(await outcome(waitingLarge), 'ABORTED')
  t.false(firstDone)
  await first
  t.is(await table.count(), 300_000)
})
