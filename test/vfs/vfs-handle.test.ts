import { Worker } from 'node:worker_threads'
import test from 'ava'
import { diskVfs } from '../../src/vfs/disk-vfs.ts'
import { FaultVfs } from '../../src/vfs/fault-vfs.ts'
import { MemoryVfs } from '../../src/vfs/memory-vfs.ts'
import { openVfsHandle } from '../../src/vfs/vfs-handle.ts'

test('a file system in memory is found again by its handle, and each has one of its own', async (t) => {
  const [a, b] = [new MemoryVfs(), new MemoryVfs()]
  t.is(await openVfsHandle(a.handle()), a)
  t.is(await openVfsHandle(b.handle()), b)
  t.deepEqual(a.handle(), a.handle())
})

test('faults hold for whoever opens by the handle', async (t) => {
  const vfs = new FaultVfs(diskVfs())
  t.is(await openVfsHandle(vfs.handle()), vfs)
})

test('a handle of files in this thread is refused in another, which says why', async (t) => {
  const vfs = new MemoryVfs()
  const worker = new Worker(new URL('./fixtures/open-handle.mjs', import.meta.url), { workerData: vfs.handle() })
  const said = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
  t.regex(String(said), /^TypeError: .*memory of thread 0, and this is thread \d+.*InlineWorkerPool/)
  t.is(vfs.callCount, 0)
})

test('a handle whose module cannot open a file system is a TypeError', async (t) => {
  const module = new URL('../../src/vfs/system-error.ts', import.meta.url).href
  await t.throwsAsync(() => openVfsHandle({ module, data: undefined }), { instanceOf: TypeError, message: /openVfs/ })
  await t.throwsAsync(() => openVfsHandle({ local: 1e12 }), { instanceOf: TypeError })
})
