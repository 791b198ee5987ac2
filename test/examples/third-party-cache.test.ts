import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { LruBlockCache } from '../../plugins/lru-block-cache/lru-block-cache.ts'
import { type DatabaseConfig, defineTable, int32, loadConfig, open, string } from '../../src/index.ts'
import { resolveConfig } from '../../src/kernel/config.ts'
import { assembleFor } from '../../src/open.ts'
import { BlockCache } from '../../src/plugin.ts'

const example = fileURLToPath(new URL('../../examples/third-party-cache/', import.meta.url))
const table = defineTable('words', { columns: { id: int32(), word: string() }, primaryKey: ['id'] })
const rowCount = 20_000

/** Every call of the built-in cache, whoever made it; the tests here run one after the other. */
const lruCalls = { get: 0, set: 0 }
const { get, set } = LruBlockCache.prototype
LruBlockCache.prototype.get = function (file, block) {
  lruCalls.get++
  return get.call(this, file, block)
}
LruBlockCache.prototype.set = function (...args) {
  lruCalls.set++
  return set.apply(this, args)
}

/**
 * Writes, flushes, reads rows back through the cache, cold and warm; resolves with the cache's own account of it. The
 * second get asks for a neighbour of the first row: a row that was read is kept whole, and asks no block cache again.
 */
async function useCache(t: ExecutionContext, config: DatabaseConfig) {
  lruCalls.get = 0
  lruCalls.set = 0
  const db = await open(config)
  t.teardown(() => db.close())
  const words = await db.createTable(table)
  await words.insert(Array.from({ length: rowCount }, (_, id) => ({ id, word: `word ${id % 97}` })))
  await db.flush()
  t.is(words.stats().memoryRows, 0)
  const cache = db.service(BlockCache)
  const before = cache.stats()
  t.deepEqual(await words.get(12_345), { id: 12_345, word: `word ${12_345 % 97}` })
  t.is((await words.scan({ columns: ['word'] }).toArray()).length, rowCount)
  const cold = cache.stats()
  t.deepEqual(await words.get(12_346), { id: 12_346, word: `word ${12_346 % 97}` })
  return { db, cache, before, cold, warm: cache.stats(), lruCalls: { ...lruCalls } }
}

async function temporaryDirectory(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'varve-cache-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  return directory
}

test.serial('a database opened by the configuration file has its reads served by the third-party cache, not by the LRU', async (t) => {
  const config = await loadConfig(example)
  t.deepEqual(config.plugins, ['./index.ts'])
  const run = await useCache(t, { ...config, directory: await temporaryDirectory(t) })
  t.is(run.cache.name, 's3-fifo-block-cache')
  t.true(run.cold.inserted > run.before.inserted)
  t.true(run.cold.misses > run.before.misses)
  t.true(run.warm.hits > run.cold.hits)
  t.is(run.warm.misses, run.cold.misses)
  t.true(run.cache.usedBytes > 0)
  t.like(run.db.metrics().cache, { ...run.warm, usedBytes: run.cache.usedBytes })
  t.deepEqual(run.lruCalls, { get: 0, set: 0 })
})

test.serial('without that line the LRU serves them', async (t) => {
  const { plugins: _, ...config } = await loadConfig(example)
  const run = await useCache(t, { ...config, directory: await temporaryDirectory(t) })
  t.is(run.cache.name, 'lru-block-cache')
  t.true(run.warm.hits > run.cold.hits)
  t.true(run.lruCalls.get > 0)
  t.true(run.lruCalls.set > 0)
})

test.serial('what the configuration assembles says who replaced whom', async (t) => {
  const assembly = await assembleFor(resolveConfig(await loadConfig(example)))
  t.teardown(() => assembly.stop())
  const plugin = assembly.plugins.plugins.find(({ name }) => name === 'third-party-cache')
  t.deepEqual(plugin?.replaces, { BlockCache: 'lru-block-cache' })
  t.deepEqual(
    assembly.plugins.leftOut.map(({ name, reason, by }) => ({ name, reason, by })),
    [{ name: 'lru-block-cache', reason: 'replaced', by: ['third-party-cache'] }],
  )
})
