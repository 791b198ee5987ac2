import test from 'ava'
import { defineTable, double, hashPartition, int8, int32, string, VarveError } from '../../src/index.ts'
import { openMemory } from '../../src/testing/index.ts'
import { turns } from './kit.ts'

const MiB = 2 ** 20
const limitBytes = 32 * MiB

const narrow = defineTable('narrow', { columns: { id: int32(), x: int8() }, primaryKey: ['id'] })
const texts = defineTable('texts', { columns: { id: string(), text: string().nullable(), x: double() }, primaryKey: ['id'] })
const coded = defineTable('coded', { columns: { id: int32(), text: string() }, primaryKey: ['id'], partitionBy: hashPartition(['id'], 2) })

const idsTo = (count: number) => Int32Array.from({ length: count }, (_, i) => i)
const repeated = 'so long a text that few of its codes fill memory '.repeat(20)

test('a batch is measured by what its rows take in memory: narrow rows, long texts and repeated ones', async (t) => {
  const inputs = [
    { table: narrow, columns: { id: idsTo(1_500_000), x: new Int8Array(1_500_000) } },
    {
      table: texts,
      columns: { id: Array.from(idsTo(150_000), (i) => `key ${i}`), x: new Float64Array(150_000), text: Array(150_000).fill('text') },
    },
    { table: coded, columns: { id: idsTo(60_000), text: { codes: new Int32Array(60_000), dictionary: [repeated] } } },
  ]
  for (const { table: definition, columns } of inputs) {
    const db = await openMemory({ memory: { limit: limitBytes }, disable: ['flush'] })
    const table = await db.createTable(definition as typeof narrow)
    // Nothing flushes, so that writes stall in the end.
    const cancel = new AbortController()
    db.events.on('write-stall:begin', () => cancel.abort())
    await table.insertColumns(columns as never, { signal: cancel.signal }).catch(() => undefined)
    const { heldBytes } = db.metrics().memory
    t.true(heldBytes <= limitBytes + limitBytes / 8, `${definition.name}: ${heldBytes / MiB} MiB held`)
    t.true(db.metrics().writes.batches > 1, `${definition.name}: ${db.metrics().writes.batches} batches`)
    await db.close()
  }
})

test('a dictionary larger than a batch may be is no hindrance', async (t) => {
  await using db = await openMemory({ memory: { limit: limitBytes } })
  const table = await db.createTable(coded)
  const dictionary = Array.from({ length: 200_000 }, (_, i) => `${i}: a text of which there are very many, and each is different`)
  const columns = { id: idsTo(1000), text: { codes: Int32Array.from({ length: 1000 }, (_, i) => i * 199), dictionary } }
  t.is(await table.insertColumns(columns), 1000)
  t.is(db.metrics().writes.batches, 1)
  t.is((await table.get(7))?.text, dictionary[7 * 199])
})

test('a call that is refused after some of its batches were applied says how many rows these are', async (t) => {
  await using db = await openMemory({ memory: { limit: limitBytes } })
  const table = await db.createTable(narrow)
  await table.insert({ id: 999_999, x: 1 })
  const columns = { id: idsTo(1_000_000), x: new Int8Array(1_000_000) }
  const error = await t.throwsAsync<VarveError>(table.insertColumns(columns), { instanceOf: VarveError, code: 'KEY_EXISTS' })
  const { insertedRows, rowIndex } = error?.context as { insertedRows: number; rowIndex: number }
  t.true(insertedRows > 0)
  t.is(rowIndex, 999_999)
  t.is(await table.count(), insertedRows + 1)
  const cancelled = new AbortController()
  const inserting = table.insertColumns({ ...columns, id: columns.id.map((id) => id + 2_000_000) }, { signal: cancelled.signal })
  while (db.metrics().writes.rows === insertedRows + 1) await turns(1)
  cancelled.abort()
  const aborted = await t.throwsAsync<VarveError>(inserting, { code: 'ABORTED' })
  t.is(await table.count(), insertedRows + 1 + Number(aborted?.context['insertedRows']))
})
