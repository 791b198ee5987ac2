import test from 'ava'
import { FileHandles } from '../../src/sstable/file-handles.ts'
import { MemoryVfs } from '../../src/vfs/memory-vfs.ts'

async function filesOf(count: number): Promise<MemoryVfs> {
  const vfs = new MemoryVfs()
  for (let i = 0; i < count; i++) await (await vfs.create(`/${i}`)).append(Uint8Array.of(i))
  return vfs
}

test('files stay open for the next user, up to the capacity, least recently used out first', async (t) => {
  const vfs = await filesOf(4)
  const opened: string[] = []
  const open = vfs.open.bind(vfs)
  vfs.open = (path) => {
    opened.push(path)
    return open(path)
  }
  const files = new FileHandles(vfs, 2)
  for (const i of [0, 1, 0, 2, 0, 1]) (await files.acquire(i, `/${i}`)).release()
  t.deepEqual(opened, ['/0', '/1', '/2', '/1'])
  t.is(files.openCount, 2)
})

test('a file in use is never closed, even past the capacity or when forgotten', async (t) => {
  const files = new FileHandles(await filesOf(3), 1)
  const handles = await Promise.all([0, 1, 2].map((i) => files.acquire(i, `/${i}`)))
  t.is(files.openCount, 3)
  files.forget(1)
  for (const [i, handle] of handles.entries()) t.deepEqual(handle.file.readSync(0, 1), Uint8Array.of(i))
  for (const handle of handles) {
    handle.release()
    handle.release()
  }
  t.is(files.openCount, 1)
  t.throws(() => handles[1]?.file.readSync(0, 1), { code: 'EBADF' })
})

test('users at the same time share one opening, and a blocking one in between does no harm', async (t) => {
  const files = new FileHandles(await filesOf(1), 1)
  const waiting = [files.acquire(0, '/0'), files.acquire(0, '/0')]
  const blocking = files.acquireSync(0, '/0')
  const handles = [...(await Promise.all(waiting)), blocking]
  for (const handle of handles) t.deepEqual(await handle.file.read(0, 1), Uint8Array.of(0))
  for (const handle of handles) handle.release()
  t.is(files.openCount, 1)
})

test('a file forgotten while it is being opened is closed after its use', async (t) => {
  const files = new FileHandles(await filesOf(1))
  const acquiring = files.acquire(0, '/0')
  files.forget(0)
  const handle = await acquiring
  t.deepEqual(handle.file.readSync(0, 1), Uint8Array.of(0))
  handle.release()
  t.is(files.openCount, 0)
  t.throws(() => handle.file.readSync(0, 1), { code: 'EBADF' })
})

test('a failed opening is forgotten', async (t) => {
  const vfs = await filesOf(0)
  const files = new FileHandles(vfs)
  await t.throwsAsync(files.acquire(0, '/0'), { code: 'ENOENT' })
  await (await vfs.create('/0')).close()
  const handle = await files.acquire(0, '/0')
  handle.release()
  t.is(files.openCount, 1)
  files.close()
  files.close()
  t.is(files.openCount, 0)
})

test('a capacity below one is misuse', (t) => {
  t.throws(() => new FileHandles(new MemoryVfs(), 0), { instanceOf: TypeError })
})
