import test from 'ava'
import { SeededRandom } from '../../src/base/seeded-random.ts'
import { CrashError } from '../../src/vfs/fault-plan.ts'
import { MemoryVfs } from '../../src/vfs/memory-vfs.ts'
import type { AppendFile } from '../../src/vfs/vfs.ts'

/** What many power cuts leave of one state: the distinct outcomes, as text. */
async function outcomes(make: () => Promise<MemoryVfs>, cuts = 200): Promise<Set<string>> {
  const seen = new Set<string>()
  for (let seed = 1; seed <= cuts; seed++) seen.add(describe((await make()).crash({ mode: 'power', random: new SeededRandom(seed) })))
  return seen
}

function describe(vfs: MemoryVfs): string {
  return [...vfs.snapshot()].map(([path, bytes]) => `${path}=${Buffer.from(bytes).toString('latin1')}`).join(' ')
}

async function fileWith(vfs: MemoryVfs, path: string, text: string, o: { sync?: boolean } = {}): Promise<AppendFile> {
  const file = await vfs.create(path)
  await file.append(Buffer.from(text))
  if (o.sync) await file.sync()
  return file
}

test('a power cut leaves a synced file in a synced directory exactly as it was', async (t) => {
  const seen = await outcomes(async () => {
    const vfs = new MemoryVfs()
    await fileWith(vfs, '/a', 'hello', { sync: true })
    await vfs.syncDirectory('/')
    return vfs
  })
  t.deepEqual([...seen], ['/a=hello'])
})

test('a synced file whose directory was not synced is there whole or not at all', async (t) => {
  const seen = await outcomes(async () => {
    const vfs = new MemoryVfs()
    await fileWith(vfs, '/a', 'hello', { sync: true })
    return vfs
  })
  t.deepEqual([...seen].sort(), ['', '/a=hello'])
})

test('of unsynced bytes any number is left, behind all the synced ones', async (t) => {
  const lengths = new Set<number>()
  for (let seed = 1; seed <= 300; seed++) {
    const vfs = new MemoryVfs()
    const file = await fileWith(vfs, '/a', 'synced', { sync: true })
    await vfs.syncDirectory('/')
    await file.append(Buffer.from('1234'))
    const left = vfs
      .crash({ mode: 'power', random: new SeededRandom(seed) })
      .snapshot()
      .get('/a') as Uint8Array
    t.is(Buffer.from(left.subarray(0, 6)).toString(), 'synced', `seed ${seed}`)
    lengths.add(left.length)
  }
  t.deepEqual([...lengths].sort(), [10, 6, 7, 8, 9])
})

test('unsynced bytes may be whole, zero or garbage, by sectors; a hole may lie before whole ones', async (t) => {
  const kinds = new Set<string>()
  for (let seed = 1; seed <= 300; seed++) {
    const vfs = new MemoryVfs()
    const file = await fileWith(vfs, '/a', 's'.repeat(700), { sync: true })
    await vfs.syncDirectory('/')
    await file.append(Buffer.from('u'.repeat(2000)))
    const left = Buffer.from(
      vfs
        .crash({ mode: 'power', random: new SeededRandom(seed) })
        .snapshot()
        .get('/a') as Uint8Array,
    )
    t.is(left.subarray(0, 700).toString(), 's'.repeat(700), `seed ${seed}`)
    const unsynced = left.subarray(700)
    const damaged = [...unsynced.keys()].filter((i) => unsynced[i] !== 0x75)
    if (damaged.length === 0) {
      kinds.add('whole')
      continue
    }
    const [first, last] = [700 + (damaged[0] as number), 700 + (damaged.at(-1) as number)]
    t.is(Math.floor(first / 512), Math.floor(last / 512), `one sector, seed ${seed}`)
    kinds.add(damaged.every((i) => unsynced[i] === 0) ? 'zero' : 'garbage')
    if (last < left.length - 1) kinds.add('hole')
  }
  t.deepEqual([...kinds].sort(), ['garbage', 'hole', 'whole', 'zero'])
})

test('an unsynced truncation may be undone, and what was appended after it lost or torn', async (t) => {
  const seen = await outcomes(async () => {
    const vfs = new MemoryVfs()
    const file = await fileWith(vfs, '/a', 'abcdef', { sync: true })
    await vfs.syncDirectory('/')
    await file.truncate(4)
    await file.append(Buffer.from('X'))
    return vfs
  })
  for (const outcome of ['/a=abcdef', '/a=abcd', '/a=abcdX']) t.true(seen.has(outcome), outcome)
  for (const outcome of seen) t.true(outcome === '/a=abcdef' || /^\/a=abcd[\s\S]?$/.test(outcome), outcome)
})

test('a synced truncation stays', async (t) => {
  const seen = await outcomes(async () => {
    const vfs = new MemoryVfs()
    const file = await fileWith(vfs, '/a', 'abcdef', { sync: true })
    await vfs.syncDirectory('/')
    file.truncateSync(2)
    await file.sync()
    return vfs
  })
  t.deepEqual([...seen], ['/a=ab'])
})

test('a sync covers what was appended before it, not what is appended while it runs', async (t) => {
  const seen = await outcomes(async () => {
    const vfs = new MemoryVfs()
    const file = await vfs.create('/a')
    await vfs.syncDirectory('/')
    file.appendSync(Buffer.from('12'))
    const synced = file.sync()
    file.appendSync(Buffer.from('3'))
    await synced
    return vfs
  })
  for (const outcome of seen) t.regex(outcome, /^\/a=12[\s\S]?$/)
  t.true(seen.has('/a=12'))
  t.true(seen.has('/a=123'))
})

test('a sync that has not resolved promises nothing', async (t) => {
  const seen = new Set<string>()
  for (let seed = 1; seed <= 50; seed++) {
    const vfs = new MemoryVfs()
    const file = await vfs.create('/a')
    await vfs.syncDirectory('/')
    file.appendSync(Buffer.from('1'))
    const synced = file.sync()
    seen.add(describe(vfs.crash({ mode: 'power', random: new SeededRandom(seed) })))
    await synced
  }
  t.true(seen.has('/a='))
  t.true(seen.has('/a=1'))
})

test('each unsynced change of names is kept or lost by itself: an unlinked file can come back without its successor', async (t) => {
  const seen = await outcomes(async () => {
    const vfs = new MemoryVfs()
    await fileWith(vfs, '/1', 'one', { sync: true })
    await fileWith(vfs, '/2', 'two', { sync: true })
    await vfs.syncDirectory('/')
    await vfs.remove('/1')
    await vfs.remove('/2')
    await fileWith(vfs, '/3', 'three', { sync: true })
    return vfs
  }, 400)
  t.is(seen.size, 8)
  t.true(seen.has('/1=one'))
  t.true(seen.has('/2=two'))
})

test('a rename is whole or not: the old content or the new under the name, never none', async (t) => {
  const seen = await outcomes(async () => {
    const vfs = new MemoryVfs()
    await fileWith(vfs, '/CURRENT', 'old', { sync: true })
    await vfs.syncDirectory('/')
    await fileWith(vfs, '/tmp', 'new', { sync: true })
    await vfs.rename('/tmp', '/CURRENT')
    return vfs
  })
  t.deepEqual([...seen].sort(), ['/CURRENT=new', '/CURRENT=old', '/CURRENT=old /tmp=new'])
})

test('a rename over a name does not make the bytes durable', async (t) => {
  const seen = await outcomes(async () => {
    const vfs = new MemoryVfs()
    await fileWith(vfs, '/tmp', 'new')
    await vfs.rename('/tmp', '/CURRENT')
    await vfs.syncDirectory('/')
    return vfs
  })
  t.true(seen.has('/CURRENT='))
})

test('a rename between directories is durable as a whole once either is synced', async (t) => {
  for (const synced of ['/a', '/b']) {
    const seen = await outcomes(async () => {
      const vfs = new MemoryVfs()
      await vfs.makeDirectory('/a')
      await vfs.makeDirectory('/b')
      await fileWith(vfs, '/a/x', 'x', { sync: true })
      await vfs.syncDirectory('/a')
      await vfs.rename('/a/x', '/b/x')
      await vfs.syncDirectory(synced)
      return vfs
    })
    t.deepEqual([...seen], ['/b/x=x'], synced)
  }
})

test('a durable change is never undone by an older one that is not', async (t) => {
  const seen = await outcomes(async () => {
    const vfs = new MemoryVfs()
    for (const directory of ['/a', '/b', '/c']) await vfs.makeDirectory(directory)
    await fileWith(vfs, '/a/x', 'x', { sync: true })
    await vfs.syncDirectory('/a')
    await vfs.rename('/a/x', '/b/x')
    await vfs.rename('/b/x', '/c/x')
    await vfs.syncDirectory('/c')
    return vfs
  })
  t.deepEqual([...seen].sort(), ['/a/x=x /c/x=x', '/c/x=x'])
})

test('both names of a linked file have the same bytes after a power cut', async (t) => {
  const seen = await outcomes(async () => {
    const vfs = new MemoryVfs()
    await fileWith(vfs, '/a', '123456')
    await vfs.link('/a', '/b')
    await vfs.syncDirectory('/')
    return vfs
  })
  t.true(seen.size > 3)
  for (const outcome of seen) {
    const [a, b] = outcome.split(' /b=')
    t.is(a, `/a=${b}`)
  }
})

test('directories are there after a power cut without being synced', async (t) => {
  const vfs = new MemoryVfs()
  await vfs.makeDirectory('/deep/down')
  const left = vfs.crash({ mode: 'power', random: new SeededRandom(1) })
  t.deepEqual(await left.list('/deep'), ['down'])
})

test('a kill keeps everything that was written, and a power cut after it still takes what was not synced', async (t) => {
  const seen = await outcomes(async () => {
    const vfs = new MemoryVfs()
    const file = await fileWith(vfs, '/a', '12', { sync: true })
    await vfs.syncDirectory('/')
    await file.append(Buffer.from('3'))
    await fileWith(vfs, '/b', 'b', { sync: true })
    const killed = vfs.crash({ mode: 'kill' })
    t.is(describe(killed), '/a=123 /b=b')
    return killed
  })
  t.true(seen.has('/a=12'))
  t.true(seen.has('/a=123 /b=b'))
})

test('what a power cut left is durable: the next one changes nothing', async (t) => {
  for (let seed = 1; seed <= 50; seed++) {
    const vfs = new MemoryVfs()
    await fileWith(vfs, '/a', 'x'.repeat(1000))
    await fileWith(vfs, '/b', 'y'.repeat(1000))
    await vfs.remove('/a')
    const once = vfs.crash({ mode: 'power', random: new SeededRandom(seed) })
    const before = describe(once)
    t.is(describe(once.crash({ mode: 'power', random: new SeededRandom(seed + 1000) })), before, `seed ${seed}`)
  }
})

test('one seed leaves one state', async (t) => {
  const cut = async () => {
    const vfs = new MemoryVfs()
    for (const name of ['a', 'b', 'c']) await fileWith(vfs, `/${name}`, name.repeat(3000))
    return describe(vfs.crash({ mode: 'power', random: new SeededRandom(42) }))
  }
  t.is(await cut(), await cut())
})

test('after a crash the old file system and its open files fail every call, and locks are gone', async (t) => {
  for (const mode of ['kill', 'power'] as const) {
    const vfs = new MemoryVfs()
    const lock = await vfs.lock('/LOCK')
    const file = await fileWith(vfs, '/a', 'a')
    const reader = await vfs.open('/a')
    const next = mode === 'kill' ? vfs.crash({ mode }) : vfs.crash({ mode, random: new SeededRandom(1) })
    t.true(vfs.crashed)
    t.false(next.crashed)
    await t.throwsAsync(() => vfs.list('/'), { instanceOf: CrashError })
    await t.throwsAsync(() => vfs.create('/b'), { instanceOf: CrashError })
    await t.throwsAsync(() => file.append(Buffer.from('b')), { instanceOf: CrashError })
    await t.throwsAsync(() => file.sync(), { instanceOf: CrashError })
    t.throws(() => reader.readSync(0, 1), { instanceOf: CrashError })
    await file.close()
    reader.closeSync()
    const again = await next.lock('/LOCK')
    await lock.release()
    await t.throwsAsync(() => next.lock('/LOCK'), { code: 'DATABASE_LOCKED' })
    await again.release()
  }
})

test('a clone lives on by itself', async (t) => {
  const vfs = new MemoryVfs({ capacityBytes: 10 })
  const file = await fileWith(vfs, '/a', 'abc')
  const copy = vfs.clone()
  await file.append(Buffer.from('d'))
  await copy.remove('/a')
  t.is(describe(vfs), '/a=abcd')
  t.is(describe(copy), '')
  t.is(copy.usedBytes, 0)
  t.is(copy.capacityBytes, 10)
})

test('damage done on purpose is durable', async (t) => {
  const vfs = new MemoryVfs()
  await fileWith(vfs, '/a', 'abcd', { sync: true })
  await vfs.syncDirectory('/')
  vfs.mutate('/a', 1, 0b11)
  vfs.truncateTo('/a', 3)
  t.is(describe(vfs), '/a=aac')
  t.is(vfs.usedBytes, 3)
  t.throws(() => vfs.mutate('/a', 3, 1), { instanceOf: RangeError })
  t.throws(() => vfs.truncateTo('/a', 4), { instanceOf: RangeError })
  t.is(describe(vfs.crash({ mode: 'power', random: new SeededRandom(3) })), '/a=aac')
})
