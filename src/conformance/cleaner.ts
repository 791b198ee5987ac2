import assert from 'node:assert/strict'
import type { Cleaner } from '../cleaner/cleaner.ts'
import { MemoryVfs } from '../vfs/memory-vfs.ts'
import { type FileKind, joinPath } from '../vfs/vfs.ts'
import type { ConformanceTest } from './block-cache.ts'

/** A cleaner, and, for one that only takes a file over when it is called, how to wait until it has dealt with it. */
export interface CleanerFixture {
  readonly cleaner: Cleaner
  readonly settled?: () => Promise<void>
}

const files: readonly (readonly [kind: FileKind, name: string])[] = [
  ['sstable', '000012.sst'],
  ['delta', '000013.delta'],
  ['manifest', 'MANIFEST-000001'],
  ['wal', '000004.wal'],
  ['temp', 'CURRENT.tmp'],
]

/** What every cleaner must do, wherever it puts the files. `make` returns a new one for each test. */
export function cleaner(test: ConformanceTest, make: () => CleanerFixture): void {
  test('a cleaner has a name', async () => {
    assert.match(make().cleaner.name, /\S/)
  })

  for (const [kind, name] of files) {
    test(`a cleaned file of kind ${kind} has left its place, and no other file has`, async () => {
      const { cleaner, settled } = make()
      const vfs = await databaseOf(files)
      await cleaner.clean(vfs, kind, joinPath('/db', name))
      await settled?.()
      const names = files.map(([, other]) => other)
      const left = (await vfs.list('/db')).filter((found) => names.includes(found))
      assert.deepEqual(left, names.filter((other) => other !== name).sort())
      for (const other of left) assert.deepEqual([...(await vfs.readFile(joinPath('/db', other)))], contentOf(other))
    })
  }

  test('a file that is gone already is cleaned without complaint', async () => {
    const { cleaner, settled } = make()
    const vfs = await databaseOf([])
    for (const [kind, name] of files) await cleaner.clean(vfs, kind, joinPath('/db', name))
    await settled?.()
    for (const [, name] of files) assert.equal(await vfs.stat(joinPath('/db', name)), undefined)
  })

  test('a failure is reported, the file stays whole, and a second try succeeds', async () => {
    const { cleaner, settled } = make()
    const [kind, name] = files[0] as (typeof files)[number]
    const path = joinPath('/db', name)
    const vfs = await databaseOf(files)
    const clean = async () => {
      await cleaner.clean(vfs, kind, path)
      await settled?.()
    }
    const fault = vfs.inject({ path: /000012/, op: ['remove', 'rename', 'link', 'open', 'readFile'], error: 'EIO' })
    await assert.rejects(clean, { code: 'EIO' })
    fault[Symbol.dispose]()
    assert.deepEqual([...(await vfs.readFile(path))], contentOf(name))
    await clean()
    assert.equal(await vfs.stat(path), undefined)
  })

  test('a full disk does not keep a file from being cleaned', async () => {
    const { cleaner, settled } = make()
    const vfs = await databaseOf(files)
    vfs.capacityBytes = vfs.usedBytes
    for (const [kind, name] of files) await cleaner.clean(vfs, kind, joinPath('/db', name))
    await settled?.()
    for (const [, name] of files) assert.equal(await vfs.stat(joinPath('/db', name)), undefined)
  })
}

async function databaseOf(present: typeof files): Promise<MemoryVfs> {
  const vfs = new MemoryVfs()
  await vfs.makeDirectory('/db')
  for (const [, name] of present) {
    await using file = await vfs.create(joinPath('/db', name))
    await file.append(Uint8Array.from(contentOf(name)))
  }
  return vfs
}

function contentOf(name: string): number[] {
  return [...Buffer.from(`content of ${name}`)]
}
