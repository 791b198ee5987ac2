import test from 'ava'
import thirdPartyCache, { S3FifoBlockCache } from '../../examples/third-party-cache/index.ts'
import { blockCache } from '../../src/conformance/block-cache.ts'
import { assemble } from '../../src/kernel/assembly.ts'
import { resolveConfig } from '../../src/kernel/config.ts'
import { definePlugin } from '../../src/kernel/define-plugin.ts'
import { loadConfig } from '../../src/kernel/load-config.ts'
import { BlockCache } from '../../src/sstable/block-cache.ts'

const builtIn = definePlugin({
  name: 'lru-block-cache',
  provides: [BlockCache],
  bind: (module) =>
    module.provide(BlockCache, [], (): BlockCache => {
      throw new Error('the default cache was made')
    }),
})

blockCache(
  (title, run) =>
    test(`S3-FIFO: ${title}`, async (t) => {
      await run()
      t.pass()
    }),
  (capacityBytes) => new S3FifoBlockCache(capacityBytes),
)

test('one line of a configuration file puts the cache in the place of the default', async (t) => {
  const config = await loadConfig(new URL('../../examples/third-party-cache', import.meta.url).pathname)
  const assembly = await assemble({ config: resolveConfig(config), defaults: [builtIn] })
  t.is(assembly.get(BlockCache).name, 's3-fifo-block-cache')
  t.is(assembly.get(BlockCache).capacityBytes, 64 * 1024 * 1024)
  t.deepEqual(
    assembly.plugins.leftOut.map(({ name, by }) => ({ name, by })),
    [{ name: 'lru-block-cache', by: ['third-party-cache'] }],
  )
})

test('its options are checked', async (t) => {
  const config = { plugins: [thirdPartyCache({ capacity: '1MiB' })], disable: [], configDirectory: '.' }
  t.is((await assemble({ config, defaults: [] })).get(BlockCache).capacityBytes, 1024 * 1024)
})

const block = new Uint8Array(840)
const blockBytes = 1000

test('blocks that are asked for again survive a scan over everything', (t) => {
  const cache = new S3FifoBlockCache(100 * blockBytes)
  for (let i = 0; i < 50; i++) cache.set(1, i, block, 'data')
  for (let i = 0; i < 50; i++) cache.get(1, i)
  for (let i = 0; i < 10_000; i++) cache.set(2, i, block, 'data')
  let survivors = 0
  for (let i = 0; i < 50; i++) if (cache.get(1, i) !== undefined) survivors++
  t.is(survivors, 50)
})

test('a block that comes back soon after it left stays longer than one that is new', (t) => {
  const cache = new S3FifoBlockCache(20 * blockBytes)
  for (let i = 0; i < 20; i++) cache.set(1, i, block, 'key')
  for (let i = 0; i < 20; i++) cache.get(1, i)
  for (let i = 0; i < 6; i++) cache.set(2, i, block, 'data')
  t.is(cache.get(2, 0), undefined)
  cache.set(2, 0, block, 'data')
  for (let i = 100; i < 110; i++) cache.set(2, i, block, 'data')
  t.is(cache.get(2, 0), block)
})
