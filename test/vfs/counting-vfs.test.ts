import test from 'ava'
import { countingVfs, fileKindOf } from '../../src/vfs/counting-vfs.ts'
import { diskVfs } from '../../src/vfs/disk-vfs.ts'
import { MemoryVfs } from '../../src/vfs/memory-vfs.ts'
import { openVfsHandle } from '../../src/vfs/vfs-handle.ts'

test('bytes are counted by the kind of their file, blocking or not, through a handle too', async (t) => {
  const vfs = countingVfs(new MemoryVfs())
  await using wal = await vfs.create('/000001.wal')
  await wal.append(new Uint8Array(10))
  wal.appendSync(new Uint8Array(5))
  await wal.sync()
  const opened = await openVfsHandle(vfs.handle())
  await using table = await opened.create('/000002.sst')
  await table.append(new Uint8Array(100))
  await using reader = await opened.open('/000002.sst')
  await reader.read(0, 30)
  reader.readSync(90, 50)
  await vfs.readFile('/000001.wal')
  t.deepEqual(vfs.traffic.wal, { reads: 1, readBytes: 15, writes: 2, writtenBytes: 15, syncs: 1 })
  t.deepEqual(vfs.traffic.sstable, { reads: 2, readBytes: 40, writes: 1, writtenBytes: 100, syncs: 0 })
  t.deepEqual(vfs.total(), { reads: 3, readBytes: 55, writes: 3, writtenBytes: 115, syncs: 1 })
  vfs.reset()
  t.deepEqual(vfs.total(), { reads: 0, readBytes: 0, writes: 0, writtenBytes: 0, syncs: 0 })
})

test('a failed append counts for nothing', async (t) => {
  const inner = new MemoryVfs({ capacityBytes: 3 })
  const vfs = countingVfs(inner)
  await using file = await vfs.create('/000001.wal')
  await t.throwsAsync(() => file.append(new Uint8Array(10)), { code: 'ENOSPC' })
  t.is(vfs.total().writtenBytes, 0)
  t.is(file.sizeBytes, 0)
})

test('the handle of counted files on disk opens them elsewhere, uncounted', (t) => {
  t.deepEqual(countingVfs(diskVfs()).handle(), diskVfs().handle())
})

test('every file of a database has its kind by name', (t) => {
  const names = [
    '000012.sst',
    '000013.delta',
    '000004.wal',
    'MANIFEST-000001',
    'CURRENT',
    'CURRENT.tmp',
    '000014.sst.tmp',
    'LOCK',
    'notes.txt',
  ]
  const kinds = names.map((name) => fileKindOf(`/a.wal/${name}`))
  t.deepEqual(kinds, ['sstable', 'delta', 'wal', 'manifest', 'manifest', 'temp', 'temp', 'other', 'other'])
})
