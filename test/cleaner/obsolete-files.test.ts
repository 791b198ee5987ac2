import test from 'ava'
import { InvariantError } from '../../src/base/errors.ts'
import { ArchivingCleaner } from '../../src/cleaner/archiving-cleaner.ts'
import type { Cleaner } from '../../src/cleaner/cleaner.ts'
import { type ObsoleteFile, ObsoleteFiles } from '../../src/cleaner/obsolete-files.ts'
import type { EventBus } from '../../src/events/event-map.ts'
import { MemoryVfs } from '../../src/vfs/memory-vfs.ts'

const table = (path: string): ObsoleteFile => ({ kind: 'sstable', path })

/** A cleaner that finishes a file only when told, and the queue in front of it. */
function setup() {
  const said: string[] = []
  const started: string[] = []
  let finish: ((error?: Error) => void) | undefined
  const cleaner: Cleaner = {
    name: 'by hand',
    clean: (_vfs, _kind, path) => {
      if (finish) said.push(`${path} began beside another`)
      started.push(path)
      return new Promise((resolve, reject) => {
        finish = (error) => {
          finish = undefined
          if (error) reject(error)
          else resolve()
        }
      })
    },
  }
  const emit: EventBus['emit'] = (event, payload) => {
    said.push(`${event} ${'path' in payload ? payload.path : ''}`)
    if (event === 'background-error') said.push(JSON.stringify((payload as { context: unknown }).context))
  }
  const events = { emit } as EventBus
  const files = new ObsoleteFiles({ vfs: new MemoryVfs(), cleaner, events })
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  return {
    files,
    said,
    started,
    turn,
    /** Lets the file that is being cleaned end, and the next one begin. */
    async finish(error?: Error) {
      await turn()
      finish?.(error)
      await turn()
    },
  }
}

test('files are cleaned one at a time, in order, never in the tick that added them', async (t) => {
  const { files, said, started, turn, finish } = setup()
  files.add([table('a'), table('b')])
  files.add([table('c')])
  await Promise.resolve()
  t.deepEqual(started, [])
  await turn()
  t.deepEqual(started, ['a'])
  await finish()
  t.deepEqual(started, ['a', 'b'])
  t.is(files.waitingCount, 2)
  await finish()
  await finish()
  await files.drain()
  t.deepEqual(started, ['a', 'b', 'c'])
  t.deepEqual(said, ['file:deleted a', 'file:deleted b', 'file:deleted c'])
  t.is(files.waitingCount, 0)
})

test('a file is not cleaned twice, however often it is added while it waits, is cleaned, or has failed', async (t) => {
  const { files, started, finish, turn } = setup()
  files.add([table('a'), table('a')])
  files.add([table('a')])
  await turn()
  files.add([table('a')])
  await finish(new Error('no'))
  files.add([table('a')])
  await files.drain()
  t.deepEqual(started, ['a'])
})

test('a pinned file is passed over until its last pin is gone, and then takes its turn by age', async (t) => {
  const { files, started, finish, turn } = setup()
  const first = files.pin(['a'])
  const second = files.pin(['a', 'z'])
  files.add([table('a'), table('b'), table('c'), table('d')])
  await finish()
  t.deepEqual(started, ['b', 'c'])
  first[Symbol.dispose]()
  first[Symbol.dispose]()
  await finish()
  t.deepEqual(started, ['b', 'c', 'd'])
  second[Symbol.dispose]()
  files.add([table('e')])
  await finish()
  t.deepEqual(started, ['b', 'c', 'd', 'a'])
  await finish()
  await finish()
  await files.drain()
  await turn()
  t.deepEqual(started, ['b', 'c', 'd', 'a', 'e'])
})

test('drain does not wait for pinned files, and unpinning starts the cleaning again', async (t) => {
  const { files, started, finish } = setup()
  const pin = files.pin(['a'])
  files.add([table('a')])
  await files.drain()
  t.deepEqual(started, [])
  t.is(files.waitingCount, 1)
  pin[Symbol.dispose]()
  await finish()
  await files.drain()
  t.deepEqual(started, ['a'])
})

test('a file that is being cleaned can no longer be pinned', async (t) => {
  const { files, finish, turn } = setup()
  files.add([table('a'), table('b')])
  await turn()
  t.throws(() => files.pin(['b', 'a']), { instanceOf: InvariantError })
  await finish()
  await finish()
  await files.drain()
  t.is(files.waitingCount, 0, 'the refused call pinned nothing')
})

test('a failure is reported, the next file goes on, and the failed one is kept for a retry', async (t) => {
  const { files, said, started, finish } = setup()
  files.add([table('a'), table('b')])
  await finish(new Error('disk on fire'))
  await finish()
  await files.drain()
  t.deepEqual(said, [
    'background-error ',
    JSON.stringify({ during: 'cleaning', cleaner: 'by hand', kind: 'sstable', path: 'a' }),
    'file:deleted b',
  ])
  t.deepEqual(files.failed, [table('a')])
  files.retryFailed()
  t.deepEqual(files.failed, [])
  await finish()
  await files.drain()
  t.deepEqual(started, ['a', 'b', 'a'])
  t.is(said.at(-1), 'file:deleted a')
})

test('manifests and log segments are reported under their own names too', async (t) => {
  const { files, said, finish } = setup()
  files.add([
    { kind: 'manifest', path: 'm', fileNumber: 1 },
    { kind: 'wal', path: 'w', fileNumber: 2 },
    { kind: 'sstable', path: 's', fileNumber: 3 },
  ])
  for (let i = 0; i < 3; i++) await finish()
  await files.drain()
  t.deepEqual(said, ['file:deleted m', 'manifest:deleted m', 'file:deleted w', 'wal:deleted w', 'file:deleted s'])
})

test('files that are added by a listener of the last deletion are cleaned too', async (t) => {
  const vfs = new MemoryVfs()
  const cleaned: string[] = []
  const events = { emit: (_: string, payload: { path: string }) => payload.path === 'a' && files.add([table('b')]) } as unknown as EventBus
  const cleaner: Cleaner = { name: 'notes', clean: async (_vfs, _kind, path) => void cleaned.push(path) }
  const files = new ObsoleteFiles({ vfs, cleaner, events })
  files.add([table('a')])
  await files.drain()
  t.deepEqual(cleaned, ['a', 'b'])
})

test('the archiving cleaner keeps the bytes, and both files of one name', async (t) => {
  const vfs = new MemoryVfs()
  await vfs.makeDirectory('/db')
  const cleaner = new ArchivingCleaner()
  for (const text of ['first', 'second', 'third']) {
    await using file = await vfs.create('/db/000001.sst')
    await file.append(Buffer.from(text))
    await cleaner.clean(vfs, 'sstable', '/db/000001.sst')
  }
  await using temp = await vfs.create('/db/x.tmp')
  await cleaner.clean(vfs, 'temp', '/db/x.tmp')
  t.truthy(temp)
  const archived = [...vfs.snapshot()].map(([path, bytes]) => `${path} ${Buffer.from(bytes).toString()}`)
  t.deepEqual(archived, ['/db/archive/000001.sst first', '/db/archive/000001.sst.1 second', '/db/archive/000001.sst.2 third'])
})
