import { mkdtemp, readdir, readlink, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import test from 'ava'
import { VarveError } from '../../src/index.ts'
import { FaultVfs, MemoryVfs, openMemory } from '../../src/testing/index.ts'
import { diskVfs } from '../../src/vfs/disk-vfs.ts'
import { frameHeaderBytes, frameTypes } from '../../src/wal/frame.ts'
import { filesOf, outcome, rowsFrom, small, sstFiles } from './kit.ts'

/** Where the records of a manifest begin. */
function recordsOf(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const positions: number[] = []
  for (let at = view.getUint32(12, true); at < bytes.length; at += frameHeaderBytes + view.getUint32(at, true)) {
    if (view.getUint8(at + 8) === frameTypes.record) positions.push(at)
  }
  return positions
}

test('a manifest that lost edits is refused, and the files that these edits had added are still there', async (t) => {
  const vfs = new MemoryVfs()
  const db = await openMemory({}, { vfs })
  const table = await db.createTable(small)
  await table.insert(rowsFrom(0, 10))
  await db.flush()
  await table.insert(rowsFrom(10, 10))
  await db.flush()
  await table.insert(rowsFrom(20, 10))
  await db.close()
  const before = sstFiles(vfs)
  t.is(before.length, 2)
  const [manifest = ''] = filesOf(vfs, '').filter((path) => path.includes('MANIFEST'))
  const records = recordsOf(vfs.snapshot().get(manifest) as Uint8Array)
  // Snapshot, table, flush: what follows is lost, at the border of a record.
  vfs.truncateTo(manifest, records[3] as number)
  t.is(await outcome(openMemory({}, { vfs })), 'CORRUPTION')
  t.deepEqual(sstFiles(vfs), before)
})

test('opening removes orphans, and does not mind one that is gone already', async (t) => {
  const vfs = new MemoryVfs()
  await (await openMemory({}, { vfs })).close()
  for (const name of ['000777.sst', '000778.sst', 'CURRENT.tmp']) await (await vfs.create(`/db/${name}`)).close()
  using _ = vfs.inject({ op: 'remove', path: /000777/, error: 'ENOENT' })
  const db = await openMemory({}, { vfs })
  t.deepEqual(sstFiles(vfs), ['/db/000777.sst'])
  await db.close()
})

test('temporary files of others in the directory are left alone; those of Varve go', async (t) => {
  const vfs = new MemoryVfs()
  await (await openMemory({}, { vfs })).close()
  const own = ['CURRENT.tmp', 'LOCK.0a1b2c.tmp', '000123.sst.tmp', 'MANIFEST-000124.tmp']
  const others = ['notes.tmp', 'LOCK.tmp', '123.tmp', 'backup of CURRENT.tmp']
  for (const name of [...own, ...others]) await (await vfs.create(`/db/${name}`)).close()
  await (await openMemory({}, { vfs })).close()
  const left = filesOf(vfs, '.tmp').map((path) => path.replace('/db/', ''))
  t.deepEqual(left.sort(), [...others].sort())
})

test.serial('an opening that fails leaves no file open and nothing locked', async (t) => {
  const directory = await mkdtemp(`${tmpdir()}/varve-opening-`)
  const vfs = new FaultVfs(diskVfs())
  const db = await openMemory({ directory }, { vfs })
  const table = await db.createTable(small)
  const other = await db.createTable({ ...small, name: 'other' })
  await table.insert(rowsFrom(0, 10))
  await other.insert(rowsFrom(0, 10))
  // The log is kept for the other table, so that the next opening asks the file for the keys of this one.
  await db.flush('small')
  await db.close()
  const openFiles = async () => {
    const links = await Promise.all((await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')))
    return links.filter((path) => path.startsWith(directory))
  }
  if (process.platform === 'linux') t.deepEqual(await openFiles(), [])
  using _ = vfs.inject({ op: 'create', path: /MANIFEST/, error: 'ENOSPC' })
  t.is(await outcome(openMemory({ directory }, { vfs })), 'DISK_FULL')
  if (process.platform === 'linux') t.deepEqual(await openFiles(), [])
  _[Symbol.dispose]()
  const again = await openMemory({ directory }, { vfs })
  t.is(await again.table(small).count(), 10)
  await again.close()
  await rm(directory, { recursive: true })
})

test('the directory that configure chooses is the one that is made and opened', async (t) => {
  const vfs = new MemoryVfs()
  const configure = (options: { directory: string }) => {
    options.directory = '/elsewhere'
  }
  const db = await openMemory({}, { vfs, configure })
  await (await db.createTable(small)).insert(rowsFrom(0))
  await db.close()
  t.deepEqual(
    [...vfs.snapshot().keys()].filter((path) => !path.startsWith('/elsewhere/')),
    [],
  )
  t.is(await vfs.stat('/db'), undefined)
})

test.serial('replaying a large batch lets the event loop through between its parts', async (t) => {
  const vfs = new MemoryVfs()
  const db = await openMemory({}, { vfs })
  const table = await db.createTable(small)
  await table.insert(rowsFrom(0, 40 * 4096))
  await db.close()
  const { now } = performance
  let ms = performance.now()
  // Every look at the clock finds that the turn is over.
  performance.now = () => (ms += 5)
  let turnCount = 0
  let opening = true
  const turn = () => {
    turnCount++
    if (opening) setImmediate(turn)
  }
  setImmediate(turn)
  const again = await openMemory({}, { vfs }).finally(() => {
    opening = false
    performance.now = now
  })
  t.true(turnCount > 15, `${turnCount} turns`)
  t.is(await again.table(small).count(), 40 * 4096)
  await again.close()
})

test('a directory that cannot be made or locked is IO_ERROR with advice, and so is one that cannot be listed, or a manifest that cannot be opened', async (t) => {
  const told = async (vfs: MemoryVfs, o: { readOnly?: boolean } = {}) => {
    const error = await t.throwsAsync(openMemory(o, { vfs }), { instanceOf: VarveError })
    return { code: error.code, message: error.message, systemCode: error.context.systemCode, cause: error.cause instanceof Error }
  }
  const vfs = new MemoryVfs()
  using making = vfs.inject({ op: 'makeDirectory', error: 'EACCES' })
  const unmade = await told(vfs)
  t.like(unmade, { code: 'IO_ERROR', systemCode: 'EACCES', cause: true })
  t.regex(unmade.message, /^\/db cannot be made \(EACCES.*\)\. Check the path, and the right of this user to write there\.$/)
  making[Symbol.dispose]()
  await (await openMemory({}, { vfs })).close()
  using locking = vfs.inject({ op: 'lock', error: 'EROFS' })
  const unlocked = await told(vfs, { readOnly: true })
  t.like(unlocked, { code: 'IO_ERROR', systemCode: 'EROFS', cause: true })
  t.regex(
    unlocked.message,
    /^\/db cannot be opened: its LOCK cannot be written \(EROFS.*\)\. Every opening writes one, with readOnly too: /,
  )
  locking[Symbol.dispose]()
  using listing = vfs.inject({ op: 'list', error: 'EIO' })
  t.like(await told(vfs), { code: 'IO_ERROR', systemCode: 'EIO', cause: true })
  listing[Symbol.dispose]()
  using _ = vfs.inject({ op: 'open', path: /MANIFEST/, error: 'EACCES' })
  t.like(await told(vfs), { code: 'IO_ERROR', systemCode: 'EACCES', cause: true })
})
