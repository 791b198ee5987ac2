import test from 'ava'
import type { Database, EngineOptions } from '../../src/index.ts'
import { MemoryVfs, openMemory, SeededRandom } from '../../src/testing/index.ts'
import type { Vfs } from '../../src/vfs/vfs.ts'
import { outcome, rowsFrom, small, turns } from './kit.ts'

/** Rows on disk, some changed since, some dead, and some in memory and in the log only. */
async function filled(vfs: MemoryVfs): Promise<Database> {
  const db = await openMemory({}, { vfs })
  // No compaction of its own accord: tests count files.
  db.maintenance.pause()
  const table = await db.createTable(small)
  await table.insert(rowsFrom(0, 50))
  await db.flush()
  await table.insert(rowsFrom(100, 50))
  await db.flush()
  await table.update([{ id: 3, text: 'changed' }])
  await table.delete([4])
  await table.insert(rowsFrom(200, 10))
  return db
}

async function rowsOf(db: Database): Promise<unknown[]> {
  return db.table(small).scan({ order: 'key' }).toArray()
}

async function rowsIn(vfs: Vfs, directory: string): Promise<unknown[]> {
  const db = await openMemory({ directory, createIfMissing: false }, { vfs })
  const rows = await rowsOf(db)
  await db.close()
  return rows
}

test('a checkpoint opens as a database with every row, those in memory only too, and goes its own way', async (t) => {
  const vfs = new MemoryVfs()
  const db = await filled(vfs)
  const rows = await rowsOf(db)
  t.is(rows.length, 109)
  await db.checkpoint('/deep/copy')
  const copy = await openMemory({ directory: '/deep/copy', createIfMissing: false }, { vfs })
  t.deepEqual(await rowsOf(copy), rows)
  await copy.table(small).insert(rowsFrom(1000, 5))
  await copy.table(small).delete([100])
  await copy.flush()
  await db.table(small).delete([101])
  await db.flush()
  t.is((await rowsOf(copy)).length, 113)
  t.is((await rowsOf(db)).length, 108)
  await copy.close()
  await db.close()
  t.is((await rowsIn(vfs, '/deep/copy')).length, 113)
  t.is((await rowsIn(vfs, '/db')).length, 108)
})

test('data files are linked within a file system, and copied where it has no links, or to another one', async (t) => {
  const vfs = new MemoryVfs()
  const db = await filled(vfs)
  const told: { linkedBytes: number; copiedBytes: number }[] = []
  db.events.on('checkpoint:end', (end) => told.push(end))
  await db.checkpoint('/linked')
  const dataBytes = [...vfs.snapshot()]
    .filter(([path]) => /^\/db\/.*\.(sst|delta)$/.test(path))
    .reduce((sum, [, { length }]) => sum + length, 0)
  t.is(told[0]?.linkedBytes, dataBytes)
  vfs.inject({ op: 'link', error: 'ENOTSUP' })
  await db.checkpoint('/copied')
  t.is(told[1]?.linkedBytes, 0)
  t.is(told[1]?.copiedBytes, (told[0]?.copiedBytes ?? 0) + dataBytes)
  t.deepEqual(await rowsIn(vfs, '/copied'), await rowsOf(db))
  await db.close()
})

test('options.checkpoint takes one into any file system, and only while the database is open', async (t) => {
  let options: EngineOptions | undefined
  const vfs = new MemoryVfs()
  await (await filled(vfs)).close()
  const db = await openMemory(
    {},
    {
      vfs,
      configure: (given) => {
        options = given
      },
    },
  )
  const other = new MemoryVfs()
  await options?.checkpoint('/elsewhere', other)
  t.deepEqual(await rowsIn(other, '/elsewhere'), await rowsOf(db))
  await db.close()
  t.is(await outcome(options?.checkpoint('/later', other) ?? Promise.resolve()), 'DATABASE_CLOSED')
})

test('a directory that is not empty is refused, and left as it was', async (t) => {
  const vfs = new MemoryVfs()
  const db = await filled(vfs)
  await vfs.makeDirectory('/full')
  await using file = await vfs.create('/full/letter.txt')
  await file.append(new Uint8Array([1]))
  const before = vfs.snapshot()
  for (const directory of ['/full', '/full/letter.txt', '/db']) {
    const error = await t.throwsAsync(db.checkpoint(directory), { code: 'DIRECTORY_NOT_EMPTY' })
    t.regex(error?.message ?? '', /Choose another one/)
  }
  t.deepEqual([...vfs.snapshot().keys()], [...before.keys()])
  await db.checkpoint('/copy')
  t.is(await outcome(db.checkpoint('/copy')), 'DIRECTORY_NOT_EMPTY')
  await t.throwsAsync(db.checkpoint(''), { instanceOf: TypeError })
  await db.close()
  t.is(await outcome(db.checkpoint('/closed')), 'DATABASE_CLOSED')
})

test('two checkpoints into one directory: one is refused, and takes nothing of the other away', async (t) => {
  const vfs = new MemoryVfs()
  const db = await filled(vfs)
  const ends = await Promise.all([outcome(db.checkpoint('/copy')), outcome(db.checkpoint('/copy'))])
  t.deepEqual(ends.filter((end) => end === undefined).length, 1)
  t.true(ends.includes('DIRECTORY_NOT_EMPTY'))
  t.deepEqual(await rowsIn(vfs, '/copy'), await rowsOf(db))
  await db.close()
})

test('whatever call fails, the checkpoint rejects, leaves nothing behind, and the database is unharmed', async (t) => {
  const vfs = new MemoryVfs()
  const db = await filled(vfs)
  const rows = await rowsOf(db)
  vfs.inject({ op: 'link', path: /000\d*\.sst/, error: 'EXDEV', nth: 2 })
  let failures = 0
  for (let nth = 1; ; nth++) {
    const rule = vfs.inject({
      op: ['create', 'append', 'sync', 'link', 'rename', 'syncDirectory', 'makeDirectory'],
      path: /copy/,
      error: 'EIO',
      nth,
    })
    const ends: (Error | undefined)[] = []
    const listening = db.events.on('checkpoint:end', ({ error }) => ends.push(error))
    const result = await outcome(db.checkpoint('/copy'))
    rule[Symbol.dispose]()
    listening[Symbol.dispose]()
    if (result === undefined) break
    failures++
    t.is(result, 'IO_ERROR')
    t.true(ends.every((error) => error !== undefined))
    t.deepEqual(
      [...vfs.snapshot().keys()].filter((path) => path.startsWith('/copy')),
      [],
      `call ${nth}`,
    )
    t.deepEqual(await rowsOf(db), rows)
  }
  t.true(failures > 10, String(failures))
  t.deepEqual(await rowsIn(vfs, '/copy'), rows)
  await db.close()
})

test('after a power cut at any call the copy is no database, or the whole one', async (t) => {
  const random = new SeededRandom(7)
  const vfs = new MemoryVfs()
  const first = await filled(vfs)
  await first.sync()
  const rows = await rowsOf(first)
  let whole = 0
  let none = 0
  for (let call = 1; ; call++) {
    const world = vfs.clone()
    const db = await openMemory({}, { vfs: world })
    db.maintenance.pause()
    await db.sync()
    world.crashAtCall(world.callCount + call, { share: random })
    const result = await outcome(db.checkpoint('/copy'))
    await outcome(db.close())
    const after = world.crash({ mode: 'power', random })
    t.deepEqual(await rowsIn(after, '/db'), rows)
    const found = await outcome(rowsIn(after, '/copy'))
    if (Array.isArray(found)) {
      t.deepEqual(found, rows, `call ${call}`)
      whole++
    } else {
      t.true(found === 'DATABASE_NOT_FOUND' || found === 'CORRUPTION', found)
      t.not(result, undefined)
      none++
    }
    if (result === undefined) break
  }
  t.true(whole > 0 && none > 5)
  await first.close()
})

test('writes and flushes go on meanwhile: the copy is the state of one moment', async (t) => {
  const vfs = new MemoryVfs()
  vfs.inject({ op: 'link', error: 'ENOTSUP' })
  const db = await openMemory({ wal: { segmentBytes: 4096 } }, { vfs })
  const table = await db.createTable(small)
  let next = 0
  const write = async () => {
    await table.upsert([...rowsFrom(next, 5), { id: 0, text: `${next}` }])
    next += 5
  }
  for (let i = 0; i < 6; i++) {
    for (let k = 0; k < 20; k++) await write()
    await db.flush()
  }
  let isCopying = true
  const copying = db.checkpoint('/copy').finally(() => {
    isCopying = false
  })
  const atCall = next
  let flushing = Promise.resolve()
  while (isCopying || next < atCall + 50) {
    await write()
    if (next === atCall + 25) flushing = db.flush()
  }
  await copying
  await flushing
  const copied = (await rowsIn(vfs, '/copy')) as { id: number; text: string }[]
  t.true(copied.length >= atCall && copied.length <= next)
  t.deepEqual(
    copied.map(({ id }) => id),
    Array.from({ length: copied.length }, (_, id) => id),
  )
  t.is(copied[0]?.text, String(copied.length - 5))
  t.is((await rowsOf(db)).length, next)
  await db.close()
})

test('a compaction that replaces the files meanwhile takes none away before it is copied', async (t) => {
  const vfs = new MemoryVfs()
  vfs.inject({ op: 'link', error: 'ENOTSUP' })
  await (await filled(vfs)).close({ flush: true })
  let options: EngineOptions | undefined
  const configure = (given: EngineOptions) => {
    options = given
  }
  const db = await openMemory({}, { vfs, configure })
  db.maintenance.pause()
  const rows = await rowsOf(db)
  const inputs = [...vfs.snapshot().keys()].filter((path) => /^\/db\/.*\.(sst|delta)$/.test(path))
  const elsewhere = new MemoryVfs()
  const create = elsewhere.create.bind(elsewhere)
  let compacted: Promise<void> | undefined
  elsewhere.create = async (path) => {
    compacted ??= db.compact()
    await compacted
    await turns(20)
    for (const input of inputs) t.true(vfs.snapshot().has(input), input)
    return create(path)
  }
  await options?.checkpoint('/copy', elsewhere)
  elsewhere.create = create
  t.deepEqual(await rowsIn(elsewhere, '/copy'), rows)
  t.deepEqual(await rowsOf(db), rows)
  await db.close()
  t.true(inputs.some((input) => !vfs.snapshot().has(input)))
})

test('files that the database lets go of meanwhile stay until they are copied', async (t) => {
  const vfs = new MemoryVfs()
  vfs.inject({ op: 'link', error: 'ENOTSUP' })
  const db = await filled(vfs)
  const rows = await rowsOf(db)
  const told: string[] = []
  db.events.on('file:deleted', ({ path }) => {
    if (path.endsWith('.sst')) told.push('deleted')
  })
  db.events.on('checkpoint:end', () => told.push('end'))
  const begun = db.events.once('checkpoint:begin')
  const copying = db.checkpoint('/copy')
  await begun
  await db.dropTable(small)
  await copying
  await db.close()
  t.deepEqual(told, ['end', 'deleted', 'deleted'])
  t.deepEqual(await rowsIn(vfs, '/copy'), rows)
})

test('a signal, and closing the database, end it; nothing is left', async (t) => {
  const vfs = new MemoryVfs()
  await (await filled(vfs)).close()
  let options: EngineOptions | undefined
  const configure = (given: EngineOptions) => {
    options = given
  }
  const db = await openMemory({}, { vfs, configure })
  const controller = new AbortController()
  void db.events.once('checkpoint:begin').then(() => controller.abort())
  t.is(await outcome(db.checkpoint('/aborted', { signal: controller.signal })), 'ABORTED')
  t.is(await outcome(db.checkpoint('/aborted', { signal: controller.signal })), 'ABORTED')
  t.deepEqual(
    [...vfs.snapshot().keys()].filter((path) => !path.startsWith('/db/')),
    [],
  )
  const slow = new MemoryVfs()
  let goOn = () => {}
  const gate = new Promise<void>((resolve) => {
    goOn = resolve
  })
  const create = slow.create.bind(slow)
  slow.create = (path) => gate.then(() => create(path))
  const copying = outcome(options?.checkpoint('/copy', slow) ?? Promise.resolve())
  let isClosed = false
  const closing = db.close().then(() => {
    isClosed = true
  })
  await turns(50)
  t.false(isClosed)
  goOn()
  t.is(await copying, 'DATABASE_CLOSED')
  await closing
  t.is(slow.snapshot().size, 0)
})
