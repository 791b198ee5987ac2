import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { type Database, type DatabaseConfig, defineTable, gt, int32, open, string, writeSSTable } from '../../src/index.ts'
import { Codec, definePlugin } from '../../src/plugin.ts'
import { MemoryVfs, openMemory } from '../../src/testing/index.ts'
import { codec } from '../support/flip-codec.ts'
import flipCodec from '../support/flip-codec-plugin.ts'

const words = defineTable('words', {
  columns: { id: int32(), word: string(), seen: int32().nullable() },
  primaryKey: ['id'],
})
const rows = Array.from({ length: 3000 }, (_, id) => ({ id, word: `some text ${id % 7} and more of it ${id}` }))

const writers = ['flush', 'minor-delta-compaction', 'major-delta-compaction', 'merging-compaction', 'garbage-collection']
const compressed: Partial<DatabaseConfig> = {
  plugins: [flipCodec, ...writers.map((name) => [name, { compression: 'flip' }] as const)],
}

/** Rows and changes on disk, compactions of each kind, and everything read again. */
async function everyKindOfFile(db: Database): Promise<number> {
  const table = await db.createTable(words)
  await table.insert(rows)
  await db.flush()
  for (let seen = 0; seen < 3; seen++) {
    await table.update(rows.map(({ id }) => ({ id, seen: seen + id })))
    await db.flush()
  }
  for (const kind of ['minor-delta', 'major-delta'] as const) await db.compact(table, { kind })
  await table.insert(rows.map(({ id, word }) => ({ id: -1 - id, word })))
  await db.compact()
  return table.count({ where: gt('seen', 0) })
}

test('a contributed codec compresses what flushes and compactions write, and reads it again', async (t) => {
  const vfs = new MemoryVfs()
  const db = await openMemory(compressed, { vfs })
  t.is(await everyKindOfFile(db), rows.length)
  await db.close()
  await using again = await openMemory(compressed, { vfs })
  t.is((await again.table(words).get(7))?.seen, 9)
})

test('worker threads find a contributed codec by its module', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'varve-codec-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const db = await open({ directory, ...compressed })
  t.is(await everyKindOfFile(db), rows.length)
  await db.close()
})

test('without the plugin what a codec has compressed is FORMAT_UNSUPPORTED; with it, all goes on, other codecs beside it', async (t) => {
  const vfs = new MemoryVfs()
  const db = await openMemory(compressed, { vfs })
  await everyKindOfFile(db)
  await db.close()
  const without = await openMemory({}, { vfs })
  await t.throwsAsync(without.table(words).get(7), { code: 'FORMAT_UNSUPPORTED', message: /codec 'flip'.*add the plugin/ })
  await without.close()
  await using deflated = await openMemory({ plugins: [flipCodec, ['merging-compaction', { compression: 'deflate' }]] }, { vfs })
  await deflated.table(words).insert({ id: 10_000, word: 'x' })
  await deflated.compact()
  t.is(await deflated.table(words).count(), 2 * rows.length + 1)
})

test('a file that a codec has compressed can be ingested', async (t) => {
  const vfs = new MemoryVfs()
  await writeSSTable('/words.sst', words, rows, { vfs, codec })
  await using db = await openMemory({ plugins: [flipCodec] }, { vfs })
  const table = await db.createTable(words)
  await table.ingest(['/words.sst'])
  t.is((await table.get(5))?.word, rows[5]?.word)
})

test('a compression that nobody knows fails the open, with the nearest name', async (t) => {
  for (const name of writers) {
    const error = await t.throwsAsync(openMemory({ plugins: [flipCodec, [name, { compression: 'flap' }]] }), { code: 'CONFIG_INVALID' })
    t.regex(error?.message ?? '', new RegExp(`${name}: compression names the codec 'flap'.*none, deflate, flip\\..*"flip"`))
  }
})

test('codecs that a worker could not find, or not tell apart, fail the open', async (t) => {
  const contributing = (name: string, given: Codec) =>
    definePlugin({ name, contributes: [Codec], bind: (module) => module.contribute(Codec, [], () => given) })
  const { module: _, ...homeless } = codec
  const cases: [Codec, object][] = [
    [homeless, { instanceOf: TypeError, message: /'flip' says no module/ }],
    [
      { ...codec, name: '' },
      { instanceOf: TypeError, message: /needs a name/ },
    ],
    [codec, { code: 'PLUGIN_CONFLICT', message: /two codecs 'flip'/ }],
    [
      { ...codec, name: 'deflate' },
      { code: 'PLUGIN_CONFLICT', message: /two codecs 'deflate'/ },
    ],
  ]
  for (const [given, expected] of cases) await t.throwsAsync(openMemory({ plugins: [flipCodec, contributing('other', given)] }), expected)
})
