import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { InvariantError } from '../../src/base/errors.ts'
import { SeededRandom } from '../../src/base/seeded-random.ts'
import { SimulatedClock } from '../../src/testing/simulated-clock.ts'
import { diskVfs } from '../../src/vfs/disk-vfs.ts'
import { CrashError } from '../../src/vfs/fault-plan.ts'
import { FaultVfs } from '../../src/vfs/fault-vfs.ts'
import { MemoryVfs } from '../../src/vfs/memory-vfs.ts'

const bytes = (length: number) => new Uint8Array(length).fill(1)

async function on(kind: 'memory' | 'disk') {
  if (kind === 'memory') return { vfs: new MemoryVfs(), path: '/file', done: async () => {} }
  const directory = await mkdtemp(join(tmpdir(), 'varve-faults-'))
  return { vfs: new FaultVfs(diskVfs()), path: join(directory, 'file'), done: () => rm(directory, { recursive: true }) }
}

for (const kind of ['memory', 'disk'] as const) {
  test(`${kind}: a short write leaves a part, refuses the next append, and is taken back by truncate`, async (t) => {
    const { vfs, path, done } = await on(kind)
    const file = await vfs.create(path)
    await file.append(bytes(10))
    for (const append of [(n: number) => file.append(bytes(n)), async (n: number) => file.appendSync(bytes(n))]) {
      vfs.inject({ op: 'append', nth: 1, error: 'ENOSPC', share: 0.5 })
      await t.throwsAsync(() => append(8), { code: 'ENOSPC' })
      t.is(file.sizeBytes, 10)
      t.is((await vfs.stat(path))?.sizeBytes, 14)
      await t.throwsAsync(() => append(1), { instanceOf: InvariantError })
      await file.truncate(10)
      t.is((await vfs.stat(path))?.sizeBytes, 10)
    }
    await file.append(bytes(2))
    t.is((await vfs.readFile(path)).length, 12)
    t.is(vfs.bytesWritten, 10 + 4 + 4 + 2)
    await file.close()
    await done()
  })

  test(`${kind}: a crash at each call in turn stops there and for good`, async (t) => {
    let calls = 1
    for (let k = 1; k <= calls; k++) {
      const { vfs, path, done } = await on(kind)
      const session = async () => {
        await using file = await vfs.create(path)
        await file.append(bytes(100))
        await file.sync()
        await vfs.rename(path, `${path}-2`)
        await vfs.list(path.slice(0, path.lastIndexOf('/')) || '/')
      }
      if (k === 1) {
        await session()
        calls = vfs.callCount
        t.is(calls, 5)
        await vfs.rename(`${path}-2`, path)
        await vfs.remove(path)
      }
      const before = vfs.callCount
      vfs.crashAtCall(before + k)
      await t.throwsAsync(session, { instanceOf: CrashError })
      await t.throwsAsync(session, { instanceOf: CrashError })
      t.is(vfs.callCount, before + k)
      await done()
    }
  })
}

test('a call that a crash interrupts may be done in part or wholly', async (t) => {
  const after = async (callIndex: number, share: number) => {
    const vfs = new MemoryVfs()
    vfs.crashAtCall(callIndex, { share })
    await t.throwsAsync(
      async () => {
        await using file = await vfs.create('/a')
        await file.append(bytes(100))
        await vfs.rename('/a', '/b')
      },
      { instanceOf: CrashError },
    )
    return [...vfs.crash({ mode: 'kill' }).snapshot()].map(([path, found]) => `${path} ${found.length}`)
  }
  t.deepEqual(await after(1, 0), [])
  t.deepEqual(await after(1, 1), ['/a 0'])
  t.deepEqual(await after(2, 0), ['/a 0'])
  t.deepEqual(await after(2, 0.25), ['/a 25'])
  t.deepEqual(await after(2, 1), ['/a 100'])
  t.deepEqual(await after(3, 0.5), ['/a 100'])
  t.deepEqual(await after(3, 1), ['/b 100'])
})

test('a random share of the interrupted call takes nothing, everything and parts', async (t) => {
  const lengths = new Set<number>()
  for (let seed = 1; seed <= 60; seed++) {
    const vfs = new MemoryVfs()
    vfs.crashAtCall(2, { share: new SeededRandom(seed) })
    const file = await vfs.create('/a')
    t.throws(() => file.appendSync(bytes(1000)), { instanceOf: CrashError })
    lengths.add(vfs.crash({ mode: 'kill' }).snapshot().get('/a')?.length ?? -1)
  }
  t.true(lengths.has(0))
  t.true(lengths.has(1000))
  t.true(lengths.size > 5)
})

test('a rule hits by operation, path, count and times, and no longer than it is kept', async (t) => {
  const vfs = new MemoryVfs()
  const failed: string[] = []
  const attempt = async (path: string) => {
    try {
      await (await vfs.create(path)).close()
    } catch (error) {
      failed.push(`${path} ${(error as { code?: string }).code}`)
    }
  }
  const rule = vfs.inject({ op: ['create', 'rename'], path: /\.wal$/, nth: 2, times: 2, error: 'EIO' })
  for (const path of ['/1.sst', '/1.wal', '/2.wal', '/2.sst', '/3.wal', '/4.wal']) await attempt(path)
  t.deepEqual(failed, ['/2.wal EIO', '/3.wal EIO'])
  rule[Symbol.dispose]()
  vfs.inject({ error: 'EIO' })
  await t.throwsAsync(() => vfs.stat('/1.sst'), { code: 'EIO' })
  vfs.clearFaults()
  t.truthy(await vfs.stat('/1.sst'))
})

test('a failed call is not carried out', async (t) => {
  const vfs = new MemoryVfs()
  await (await vfs.create('/a')).close()
  vfs.inject({ op: ['rename', 'remove', 'create'], error: 'EIO' })
  await t.throwsAsync(() => vfs.rename('/a', '/b'), { code: 'EIO', message: /rename.*\/a/ })
  await t.throwsAsync(() => vfs.remove('/a'), { code: 'EIO' })
  await t.throwsAsync(() => vfs.create('/c'), { code: 'EIO' })
  t.deepEqual(await vfs.list('/'), ['a'])
})

test('chance comes from the seed', async (t) => {
  const run = async (seed: number) => {
    const vfs = new MemoryVfs({ random: new SeededRandom(seed) })
    vfs.inject({ op: 'list', probability: 0.3, error: 'EIO' })
    let text = ''
    for (let i = 0; i < 100; i++)
      text += await vfs.list('/').then(
        () => '.',
        () => 'x',
      )
    return text
  }
  t.is(await run(1), await run(1))
  t.not(await run(1), await run(2))
  const failures = (await run(3)).replaceAll('.', '').length
  t.true(failures > 10 && failures < 60, String(failures))
})

test('a failed sync makes nothing durable', async (t) => {
  let lost = false
  for (let seed = 1; seed <= 20; seed++) {
    const vfs = new MemoryVfs()
    const file = await vfs.create('/a')
    await vfs.syncDirectory('/')
    file.appendSync(bytes(10))
    vfs.inject({ op: 'sync', error: 'EIO' })
    await t.throwsAsync(() => file.sync(), { code: 'EIO' })
    lost ||=
      vfs
        .crash({ mode: 'power', random: new SeededRandom(seed) })
        .snapshot()
        .get('/a')?.length === 0
  }
  t.true(lost)
})

test('a slow disk takes the time of the clock, blocking calls too', async (t) => {
  const clock = new SimulatedClock()
  const vfs = new MemoryVfs({ clock })
  const file = await vfs.create('/a')
  vfs.inject({ op: ['append', 'sync'], delayMs: 30 })
  vfs.inject({ op: 'sync', delayMs: 20 })
  let synced = false
  const sync = file.sync().then(() => {
    synced = true
  })
  await clock.advance(49)
  t.false(synced)
  await clock.advance(1)
  t.true(synced)
  await sync
  file.appendSync(bytes(1))
  t.is(clock.monotonicMs(), 80)
  const appended = file.append(bytes(1))
  t.is(file.sizeBytes, 2)
  t.is((await vfs.stat('/a'))?.sizeBytes, 1)
  await clock.advance(30)
  await appended
  t.is((await vfs.stat('/a'))?.sizeBytes, 2)
})

test('a crash during a slow call keeps it from happening', async (t) => {
  const clock = new SimulatedClock()
  const vfs = new MemoryVfs({ clock })
  vfs.inject({ op: 'create', delayMs: 10 })
  const created = t.throwsAsync(() => vfs.create('/a'), { instanceOf: CrashError })
  const next = vfs.crash({ mode: 'kill' })
  await clock.advance(10)
  await created
  t.deepEqual(await next.list('/'), [])
})

test('a hook sees every call and can fail it', async (t) => {
  const seen: string[] = []
  const vfs = new MemoryVfs({
    onCall: ({ op, path, blocking }, index) => {
      seen.push(`${index} ${op}${blocking ? ' blocking' : ''} ${path}`)
      if (op === 'remove') throw new Error('not this one')
    },
  })
  const file = await vfs.create('/a')
  file.appendSync(bytes(3))
  await file.close()
  await t.throwsAsync(() => vfs.remove('/a'), { message: 'not this one' })
  t.deepEqual(seen, ['1 create /a', '2 append blocking /a', '3 remove /a'])
  t.deepEqual(await vfs.list('/'), ['a'])
})

test('bytes that move are counted', async (t) => {
  const vfs = new MemoryVfs()
  const file = await vfs.create('/a')
  await file.append(bytes(10))
  await vfs.readFile('/a')
  await using reader = await vfs.open('/a')
  reader.readSync(5, 100)
  for await (const chunk of reader.stream()) t.is(chunk.length, 10)
  t.is(vfs.bytesWritten, 10)
  t.is(vfs.bytesRead, 25)
})

test('a rule that can do nothing, or lacks what it needs, is a TypeError', (t) => {
  const vfs = new MemoryVfs()
  for (const rule of [
    {},
    { op: 'sync' as const },
    { delayMs: 1 },
    { error: 'EIO', probability: 0.5 },
    { error: 'EIO', share: 2 },
    { error: 'EIO', nth: 0 },
  ]) {
    t.throws(() => vfs.inject(rule), { instanceOf: TypeError }, JSON.stringify(rule))
  }
})

test('a full disk takes what fits, and has room again when a file is removed and closed, or truncated', async (t) => {
  const vfs = new MemoryVfs({ capacityBytes: 100 })
  const first = await vfs.create('/first')
  await first.append(bytes(60))
  const second = await vfs.create('/second')
  await t.throwsAsync(() => second.append(bytes(50)), { code: 'ENOSPC' })
  t.is((await vfs.stat('/second'))?.sizeBytes, 40)
  t.is(vfs.usedBytes, 100)
  await second.truncate(0)
  t.is(vfs.usedBytes, 60)
  await vfs.remove('/first')
  t.is(vfs.usedBytes, 60)
  await first.close()
  t.is(vfs.usedBytes, 0)
  await second.append(bytes(100))
  await vfs.link('/second', '/third')
  await vfs.remove('/second')
  await second.close()
  t.is(vfs.usedBytes, 100)
  vfs.capacityBytes = 101
  const fourth = await vfs.create('/fourth')
  await fourth.append(bytes(1))
  await vfs.rename('/fourth', '/third')
  t.is(vfs.usedBytes, 1)
})
