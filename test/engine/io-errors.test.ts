import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { count, open, sum } from '../../src/index.ts'
import { MemoryVfs, openMemory } from '../../src/testing/index.ts'
import { rowsFrom, small } from './kit.ts'

test('whatever call meets a read that fails, it is IO_ERROR { path, systemCode } with the report of the system as its cause', async (t) => {
  const vfs = new MemoryVfs()
  const config = { plugins: [['lru-block-cache', { capacity: '4KiB' }] as [string, object]], disable: ['clock-row-cache'] }
  const db = await openMemory(config, { vfs })
  const writing = await db.createTable(small)
  await writing.insert(rowsFrom(0, 20_000))
  await db.close({ flush: true })
  const calls = {
    get: (table: typeof writing) => table.get(7),
    getSync: async (table: typeof writing) => table.getSync(7),
    getMany: (table: typeof writing) => table.getMany([1, 7]),
    scan: (table: typeof writing) => table.scan().toArray(),
    'scan in order': (table: typeof writing) => table.scan({ order: 'key' }).first(),
    batches: async (table: typeof writing) => {
      for await (const _ of table.scan().batches()) break
    },
    aggregate: (table: typeof writing) => table.aggregate({ select: { n: count(), total: sum('id') } }),
    insert: (table: typeof writing) => table.insert(rowsFrom(7)),
    update: (table: typeof writing) => table.update({ id: 7, text: 'changed' }),
    changes: async (table: typeof writing) => {
      for await (const _ of table.changes({ from: 0 })) break
    },
  }
  for (const [name, call] of Object.entries(calls)) {
    await using reopened = await openMemory(config, { vfs })
    const table = reopened.table(small)
    const fault = vfs.inject({ op: ['read', 'open', 'size'], path: /sst$/, error: 'EIO' })
    const error = await t.throwsAsync(call(table), { name: 'VarveError', code: 'IO_ERROR' as string }, name)
    t.like(error, { retryable: true, context: { systemCode: 'EIO' }, cause: { code: 'EIO' } }, name)
    fault[Symbol.dispose]()
    t.is((await table.get(7))?.text, 'row 7', name)
  }
})

test('a directory that the system does not let be made is IO_ERROR, which says what to look at', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'varve-io-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  await writeFile(join(directory, 'file'), '')
  const below = { code: 'IO_ERROR', message: /file.*ENOTDIR.* Check the path/ }
  await t.throwsAsync(open(join(directory, 'file', 'db')), below)
  await t.throwsAsync(open(join(directory, 'x'.repeat(300))), { code: 'IO_ERROR', message: /ENAMETOOLONG .* Check the path/ })
  const vfs = new MemoryVfs()
  vfs.inject({ op: 'lock', error: 'EACCES' })
  await t.throwsAsync(openMemory({}, { vfs }), {
    code: 'IO_ERROR',
    message: /its LOCK cannot be written .* the right to write in the directory/,
  })
})
