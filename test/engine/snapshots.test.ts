import test from 'ava'
import { VarveError } from '../../src/index.ts'
import { openMemory, SimulatedClock } from '../../src/testing/index.ts'
import { outcome, rowsFrom, small, turns } from './kit.ts'

for (const order of ['any', 'key'] as const) {
  test(`a scan sees exactly what was committed when it was made, whatever is written and flushed meanwhile, order ${order}`, async (t) => {
    await using db = await openMemory()
    const table = await db.createTable(small)
    await table.insert(rowsFrom(0, 20_000))
    await db.flush()
    await table.insert(rowsFrom(20_000, 20_000))
    const scan = table.scan({ order })
    await table.insert(rowsFrom(40_000, 5000))
    await db.flush()
    await table.insert(rowsFrom(45_000, 5000))
    const found: number[] = []
    for await (const { id } of scan) {
      found.push(id)
      if (found.length === 10) await table.insert(rowsFrom(60_000, 5000))
      if (found.length === 25_000) await db.flush()
    }
    t.deepEqual(
      found.sort((a, b) => a - b),
      rowsFrom(0, 40_000).map(({ id }) => id),
    )
    t.is((await table.scan({ columns: ['id'] }).toArray()).length, 55_000)
  })
}

test('a snapshot goes on showing its moment to gets, scans and counts, until it is closed', async (t) => {
  await using db = await openMemory()
  const table = await db.createTable(small)
  await table.insert(rowsFrom(0, 10))
  const snapshot = db.snapshot()
  await table.insert(rowsFrom(10, 10))
  await db.flush()
  await table.insert(rowsFrom(20, 10))
  t.is(await table.get(15, { snapshot }), undefined)
  t.is(table.getSync(25, { snapshot }), undefined)
  t.deepEqual(await table.getMany([5, 15, 25], { snapshot }), [{ id: 5, text: 'row 5' }, undefined, undefined])
  t.is((await table.scan({ snapshot }).toArray()).length, 10)
  t.is(await table.count({ snapshot }), 10)
  t.is(await table.count(), 30)
  snapshot.close()
  snapshot.close()
  t.is(await outcome(table.get(5, { snapshot })), 'SNAPSHOT_CLOSED')
  t.is(await outcome(table.scan({ snapshot }).toArray()), 'SNAPSHOT_CLOSED')
  t.is(await outcome(table.count({ snapshot })), 'SNAPSHOT_CLOSED')
  t.throws(() => table.getSync(5, { snapshot }), { instanceOf: VarveError, code: 'SNAPSHOT_CLOSED' })
})

test('asOf shows what was committed up to and including a millisecond', async (t) => {
  const clock = new SimulatedClock()
  await using db = await openMemory({}, { clock })
  const table = await db.createTable(small)
  const times: number[] = []
  for (let i = 0; i < 5; i++) {
    times.push(clock.nowMs())
    await table.insert(rowsFrom(i * 2, 1))
    await table.insert(rowsFrom(i * 2 + 1, 1))
    if (i === 2) await db.flush()
    clock.block(10)
  }
  for (const [i, ms] of times.entries()) {
    t.is((await table.scan({ asOf: ms }).toArray()).length, (i + 1) * 2)
    t.is((await table.scan({ asOf: new Date(ms + 9) }).toArray()).length, (i + 1) * 2)
    t.is((await table.scan({ asOf: ms - 1 }).toArray()).length, i * 2)
    t.is(await table.get(i * 2 + 1, { asOf: ms - 1 }), undefined)
    t.is((await table.get(i * 2 + 1, { asOf: ms }))?.id, i * 2 + 1)
  }
  t.is((await table.scan({ asOf: clock.nowMs() + 1e9 }).toArray()).length, 10)
})

test('timestamps rise across reopening though the wall clock has gone back: what was written later is seen later', async (t) => {
  const { MemoryVfs } = await import('../../src/testing/index.ts')
  const vfs = new MemoryVfs()
  const clock = new SimulatedClock()
  const first = await openMemory({}, { vfs, clock })
  await (await first.createTable(small)).insert(rowsFrom(0, 3))
  const before = first.snapshot().timestamp
  await first.close({ flush: true })
  clock.stepWallClock(-3_600_000)
  await using db = await openMemory({}, { vfs, clock })
  const table = db.table(small)
  const snapshot = db.snapshot()
  t.true(snapshot.timestamp >= before)
  t.is(await table.count({ snapshot }), 3)
  await table.insert(rowsFrom(3, 3))
  t.is(await table.count({ snapshot }), 3)
  t.is(await table.count(), 6)
})

test('misuse of read options rejects with a TypeError', async (t) => {
  await using db = await openMemory()
  await using other = await openMemory()
  const table = await db.createTable(small)
  const snapshot = other.snapshot()
  await t.throwsAsync(table.get(1, { snapshot }), { instanceOf: TypeError })
  await t.throwsAsync(table.get(1, { snapshot: db.snapshot(), asOf: 5 }), { instanceOf: TypeError })
  await t.throwsAsync(table.get(1, { asOf: Number.NaN }), { instanceOf: TypeError })
  await t.throwsAsync(table.scan({ asOf: -1 }).toArray(), { instanceOf: TypeError })
  await t.throwsAsync(table.count({ asOf: '2020' as unknown as number }), { instanceOf: TypeError })
})

test('a scan that is left early lets go of what it held', async (t) => {
  await using db = await openMemory()
  const table = await db.createTable(small)
  await table.insert(rowsFrom(0, 30_000))
  for await (const row of table.scan()) if (row.id === 20) break
  await table.scan({ limit: 5 }).first()
  const iterator = table.scan()[Symbol.asyncIterator]()
  await iterator.next()
  await iterator.return?.()
  await db.flush()
  await turns()
  t.is(db.metrics().memory.writeBufferBytes, 0)
})

test('an aborted scan ends with ABORTED', async (t) => {
  await using db = await openMemory()
  const table = await db.createTable(small)
  await table.insert(rowsFrom(0, 30_000))
  await db.flush()
  const controller = new AbortController()
  const scan = table.scan({ signal: controller.signal })
  let seen = 0
  const error = await t.throwsAsync(async () => {
    for await (const _ of scan) if (++seen === 10) controller.abort()
  })
  t.is((error as VarveError | undefined)?.code, 'ABORTED')
  t.is(await outcome(table.get(1, { signal: controller.signal })), 'ABORTED')
  t.is(await outcome(table.insert(rowsFrom(50_000), { signal: controller.signal })), 'ABORTED')
})
