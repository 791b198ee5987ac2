import test from 'ava'
import { defineTable, hashPartition, int32, rangePartition, string, VarveError } from '../../src/index.ts'
import { openMemory } from '../../src/testing/index.ts'
import { rowsFrom, small, turns } from './kit.ts'

const places = ['in memory', 'in a frozen store', 'on disk', 'on disk, after reopening'] as const

for (const place of places) {
  test(`a key whose row lies ${place} cannot be inserted again, and nothing of the call is applied`, async (t) => {
    const { vfs, opened } = await databaseWith(place)
    await using db = opened
    const table = db.table(small)
    for (const rows of [rowsFrom(7), [...rowsFrom(1000, 20), ...rowsFrom(9)], [...rowsFrom(2000, 9000), ...rowsFrom(3)]]) {
      const error = await t.throwsAsync(table.insert(rows), { instanceOf: VarveError, code: 'KEY_EXISTS' })
      t.deepEqual((error as VarveError).context, { table: 'small', key: { id: rows.at(-1)?.id }, rowIndex: rows.length - 1 })
    }
    const columns = { id: Int32Array.of(3000, 5), text: ['a', 'b'] }
    t.is((await t.throwsAsync<VarveError>(table.insertColumns(columns), { code: 'KEY_EXISTS' }))?.context['rowIndex'], 1)
    t.is((await table.scan().toArray()).length, 10)
    t.is(await table.get(3000), undefined)
    t.is(await table.insert(rowsFrom(3000)), 1, 'what was refused leaves no trace')
    t.truthy(vfs)
  })
}

async function databaseWith(place: (typeof places)[number]) {
  const { MemoryVfs } = await import('../../src/testing/index.ts')
  const vfs = new MemoryVfs()
  const db = await openMemory({ maintenance: { retryGraceMs: 1_000_000 } }, { vfs })
  const table = await db.createTable(small)
  await table.insert(rowsFrom(0, 10))
  if (place === 'in a frozen store') {
    db.events.on('background-error', () => undefined)
    using _ = vfs.inject({ op: 'create', path: /sst$/, error: 'EIO' })
    await db.flush().catch(() => undefined)
  }
  if (place.startsWith('on disk')) await db.flush()
  if (place !== 'on disk, after reopening') return { vfs, opened: db }
  await db.close()
  return { vfs, opened: await openMemory({}, { vfs }) }
}

test('a key that comes twice in one call is refused, naming the second row', async (t) => {
  await using db = await openMemory()
  const table = await db.createTable(small)
  for (const distance of [1, 50, 5000, 20_000]) {
    const rows = [...rowsFrom(0, distance), ...rowsFrom(0)]
    const error = await t.throwsAsync<VarveError>(table.insert(rows), { code: 'KEY_EXISTS' })
    t.is(error?.context['rowIndex'], distance)
    t.regex(error?.message ?? '', /twice/)
  }
  t.is((await table.scan().toArray()).length, 0)
})

const partitions = {
  hash: hashPartition(['id'], 5),
  range: rangePartition(['id'], [100, 4000, 9000]),
}
for (const [scheme, partitionBy] of Object.entries(partitions)) {
  test(`rowIndex counts the rows of the call, whatever tablet and slice they fall into: ${scheme} partitions`, async (t) => {
    await using db = await openMemory()
    const table = await db.createTable(defineTable('parts', { columns: { id: int32(), text: string() }, primaryKey: ['id'], partitionBy }))
    await table.insert(rowsFrom(7000))
    const rows = rowsFrom(0, 12_000).reverse()
    const error = await t.throwsAsync<VarveError>(table.insert(rows), { code: 'KEY_EXISTS' })
    t.is(
      error?.context['rowIndex'],
      rows.findIndex(({ id }) => id === 7000),
    )
    t.is((await table.scan().toArray()).length, 1)
    const invalid = rowsFrom(20_000, 6000).map((row) => (row.id === 25_500 ? { ...row, text: 5 as unknown as string } : row))
    const bad = await t.throwsAsync<VarveError>(table.insert(invalid), { code: 'INVALID_VALUE' })
    t.is(bad?.context['rowIndex'], 5500)
    t.is(bad?.context['column'], 'text')
  })
}

test('un-awaited inserts apply in the order of their calls: of two that name a key the first wins', async (t) => {
  await using db = await openMemory()
  const table = await db.createTable(small)
  const outcomes = await Promise.allSettled([
    table.insert(rowsFrom(0, 5000)),
    table.insert({ id: 4999, text: 'late' }),
    table.insert(rowsFrom(5000, 3)),
    table.insertColumns({ id: Int32Array.of(5002), text: ['late'] }),
    table.insert(rowsFrom(5003, 6000)),
    table.insert({ id: 11_002, text: 'late' }),
    table.insert({ id: 11_003, text: 'row 11003' }),
  ])
  t.deepEqual(
    outcomes.map((o) => (o.status === 'fulfilled' ? o.value : o.reason.code)),
    [5000, 'KEY_EXISTS', 3, 'KEY_EXISTS', 6000, 'KEY_EXISTS', 1],
  )
  const rows = await table.scan({ order: 'key' }).toArray()
  t.deepEqual(rows, rowsFrom(0, 11_004))
})

test('a large call that fails before its turn comes is rejected, and the process lives', async (t) => {
  await using db = await openMemory()
  const table = await db.createTable(small)
  const bad = rowsFrom(100_000, 5000).map((row, i) => (i === 4100 ? { ...row, text: null as unknown as string } : row))
  const unhandled: unknown[] = []
  const onUnhandled = (reason: unknown) => void unhandled.push(reason)
  process.on('unhandledRejection', onUnhandled)
  const outcomes = await Promise.allSettled([table.insert(rowsFrom(0, 60_000)), table.insert(bad), table.insert(rowsFrom(70_000))])
  await turns(3)
  process.off('unhandledRejection', onUnhandled)
  t.deepEqual(
    outcomes.map((o) => (o.status === 'fulfilled' ? o.value : o.reason.code)),
    [60_000, 'INVALID_VALUE', 1],
  )
  t.deepEqual(unhandled, [])
})
