import assert from 'node:assert/strict'
import { InvariantError, systemCode, VarveError } from '../base/errors.ts'
import { joinPath, type Vfs } from '../vfs/vfs.ts'
import { openVfsHandle } from '../vfs/vfs-handle.ts'
import type { ConformanceTest } from './block-cache.ts'

/** A file system and an empty directory on it. */
export interface VfsFixture {
  readonly vfs: Vfs
  readonly directory: string
}

/**
 * What every file system must do while nothing goes wrong. `make` gives each test a directory of its own, empty. What
 * a power cut leaves, and what happens when the disk is full, cannot be asked of every one, and is not asked here.
 */
export function vfs(test: ConformanceTest, make: () => Promise<VfsFixture>): void {
  const withFile = (title: string, run: (f: VfsFixture & { path: string }) => Promise<void>) =>
    test(title, async () => {
      const fixture = await make()
      await run({ ...fixture, path: joinPath(fixture.directory, 'file') })
    })
  appending(withFile)
  reading(withFile)
  naming(withFile)
  directories(withFile)
  locking(withFile)
  handles(withFile)
}

type FileTest = (title: string, run: (f: VfsFixture & { path: string }) => Promise<void>) => void

function appending(test: FileTest): void {
  test('what is appended is read back, blocking or not, across two openings', async ({ vfs, path }) => {
    const first = await vfs.create(path)
    assert.equal(first.path, path)
    assert.equal(first.sizeBytes, 0)
    await first.append(bytesOf(1, 2, 3))
    first.appendSync(bytesOf(4))
    await first.append(bytesOf())
    assert.equal(first.sizeBytes, 4)
    await first.close()
    const second = await vfs.openAppend(path)
    assert.equal(second.sizeBytes, 4)
    second.appendSync(bytesOf(5, 6))
    await second.sync()
    await second.close()
    assert.deepEqual(await content(vfs, path), [1, 2, 3, 4, 5, 6])
  })

  test('a large append is complete, and the part of a larger buffer is just that part', async ({ vfs, path }) => {
    const buffer = pattern(3_000_000)
    await write(vfs, path, buffer.subarray(1_000, 2_500_001))
    const found = await vfs.readFile(path)
    assert.equal(found.length, 2_499_001)
    assert.ok(Buffer.compare(found, buffer.subarray(1_000, 2_500_001)) === 0)
  })

  test('the size counts an append from its beginning, and sync may run beside it', async ({ vfs, path }) => {
    await using file = await vfs.create(path)
    const appended = file.append(pattern(100_000))
    assert.equal(file.sizeBytes, 100_000)
    await Promise.all([file.sync(), appended, file.sync()])
    assert.equal((await vfs.stat(path))?.sizeBytes, 100_000)
  })

  test('overlapping appends are refused', async ({ vfs, path }) => {
    await using file = await vfs.create(path)
    const appended = file.append(pattern(100_000))
    // In memory the first append may be over by now; then the second does not overlap it.
    const second = await outcome(() => file.append(bytesOf(1)))
    assert.ok(second === 'done' || second === 'InvariantError', second)
    await appended
    assert.equal(file.sizeBytes, second === 'done' ? 100_001 : 100_000)
    assert.equal((await vfs.stat(path))?.sizeBytes, file.sizeBytes)
  })

  test('truncate cuts the end off, and the next append continues there', async ({ vfs, path }) => {
    await using file = await vfs.create(path)
    await file.append(bytesOf(1, 2, 3, 4, 5))
    await file.truncate(3)
    assert.equal(file.sizeBytes, 3)
    file.appendSync(bytesOf(9))
    file.truncateSync(4)
    file.appendSync(bytesOf(8, 7))
    file.truncateSync(5)
    assert.deepEqual(await content(vfs, path), [1, 2, 3, 9, 8])
  })

  test('truncate refuses a length that the file does not have', async ({ vfs, path }) => {
    await using file = await vfs.create(path)
    await file.append(bytesOf(1, 2))
    for (const sizeBytes of [3, -1, 0.5, Number.NaN]) {
      await assert.rejects(() => file.truncate(sizeBytes), TypeError)
      assert.throws(() => file.truncateSync(sizeBytes), TypeError)
    }
    assert.equal(file.sizeBytes, 2)
  })

  test('a closed file refuses everything with EBADF, and is closed twice without harm', async ({ vfs, path }) => {
    const file = await vfs.create(path)
    await file.close()
    await file.close()
    await file[Symbol.asyncDispose]()
    await fails('EBADF', () => file.append(bytesOf(1)))
    await fails('EBADF', async () => file.appendSync(bytesOf(1)))
    await fails('EBADF', () => file.sync())
    await fails('EBADF', () => file.truncate(0))
    assert.equal((await vfs.stat(path))?.sizeBytes, 0)
  })
}

function reading(test: FileTest): void {
  test('any range is read, and less only at the end of the file', async ({ vfs, path }) => {
    await write(vfs, path, pattern(10_000))
    await using file = await vfs.open(path)
    assert.equal(file.path, path)
    assert.equal(await file.size(), 10_000)
    assert.equal(file.sizeSync(), 10_000)
    for (const [offset, length, found] of [
      [0, 10, 10],
      [9_990, 10, 10],
      [9_990, 100, 10],
      [10_000, 5, 0],
      [50_000, 5, 0],
      [3, 0, 0],
    ] as const) {
      const expected = pattern(10_000).subarray(offset, offset + found)
      assert.deepEqual([...(await file.read(offset, length))], [...expected])
      assert.deepEqual([...file.readSync(offset, length)], [...expected])
    }
  })

  test('a read has a buffer of its own, so that a typed array can be laid over it and kept', async ({ vfs, path }) => {
    await write(vfs, path, pattern(4_096))
    const file = vfs.openSync(path)
    for (const length of [8, 100, 4_096]) {
      for (const bytes of [await file.read(3, length), file.readSync(3, length)]) {
        assert.equal(bytes.byteOffset % 8, 0)
        assert.ok(bytes.buffer.byteLength <= bytes.length + 8, 'the buffer is shared with something else')
        assert.ok(new Float64Array(bytes.buffer, bytes.byteOffset, 1))
      }
    }
    const kept = file.readSync(0, 16)
    const before = [...kept]
    file.readSync(100, 16).fill(0xff)
    assert.deepEqual([...kept], before)
    file.closeSync()
    assert.deepEqual([...(await vfs.readFile(path)).subarray(100, 116)], [...pattern(4_096).subarray(100, 116)])
  })

  test('a read that is offered room gives the same bytes, in the room or in a buffer of their own', async ({ vfs, path }) => {
    await write(vfs, path, pattern(10_000))
    const file = vfs.openSync(path)
    for (const [offset, length] of [
      [0, 100],
      [77, 4_096],
      [9_990, 100],
    ] as const) {
      const expected = [...pattern(10_000).subarray(offset, offset + length)]
      const room = new ArrayBuffer(length + 50)
      const blocking = file.readSync(offset, length, room)
      assert.deepEqual([...blocking], expected)
      if (blocking.buffer === room) assert.equal(blocking.byteOffset, 0)
      assert.deepEqual([...(await file.read(offset, length, new ArrayBuffer(length + 50)))], expected)
      assert.deepEqual([...blocking], expected, 'another read has its own room')
    }
    file.closeSync()
  })

  test('a length read from damaged bytes costs no memory', async ({ vfs, path }) => {
    await write(vfs, path, bytesOf(1, 2, 3))
    await using file = await vfs.open(path)
    assert.deepEqual([...(await file.read(1, 2 ** 50))], [2, 3])
    assert.deepEqual([...file.readSync(2, 2 ** 50)], [3])
  })

  test('a range that cannot be one is a TypeError', async ({ vfs, path }) => {
    await write(vfs, path, bytesOf(1))
    await using file = await vfs.open(path)
    for (const [offset, length] of [
      [-1, 1],
      [0, -1],
      [0.5, 1],
      [0, Number.NaN],
      [2 ** 60, 1],
    ] as const) {
      await assert.rejects(() => file.read(offset, length), TypeError)
      assert.throws(() => file.readSync(offset, length), TypeError)
    }
  })

  test('a reader sees what is appended after it was opened', async ({ vfs, path }) => {
    await using writer = await vfs.create(path)
    await using reader = await vfs.open(path)
    assert.equal(reader.sizeSync(), 0)
    await writer.append(bytesOf(7, 8))
    assert.equal(await reader.size(), 2)
    assert.deepEqual([...reader.readSync(0, 10)], [7, 8])
  })

  test('a stream gives the bytes from first to last in bounded chunks', async ({ vfs, path }) => {
    const all = pattern(1_000_000)
    await write(vfs, path, all)
    await using file = await vfs.open(path)
    const chunks: Uint8Array[] = []
    for await (const chunk of file.stream()) chunks.push(chunk)
    assert.ok(chunks.length > 1 && chunks.every((chunk) => chunk.length > 0))
    assert.ok(Buffer.concat(chunks).equals(all))
    for await (const chunk of file.stream()) {
      assert.ok(chunk.length > 0)
      break
    }
  })

  test('an empty file streams nothing, and a signal ends a stream with ABORTED', async ({ vfs, path }) => {
    await write(vfs, path, bytesOf())
    await using empty = await vfs.open(path)
    for await (const _ of empty.stream()) assert.fail('a chunk of an empty file')
    const large = `${path}-large`
    await write(vfs, large, pattern(1_000_000))
    await using file = await vfs.open(large)
    const stop = new AbortController()
    const read = async () => {
      for await (const _ of file.stream({ signal: stop.signal })) stop.abort()
    }
    await assert.rejects(read, (error) => error instanceof VarveError && error.code === 'ABORTED')
  })

  test('reads overlap, closing lets them finish, and a closed file refuses them', async ({ vfs, path }) => {
    await write(vfs, path, pattern(50_000))
    const file = await vfs.open(path)
    const reads = Array.from({ length: 8 }, (_, i) => file.read(i * 1_000, 1_000))
    const closed = file.close()
    for (const [i, bytes] of (await Promise.all(reads)).entries()) {
      assert.ok(Buffer.compare(bytes, pattern(50_000).subarray(i * 1_000, (i + 1) * 1_000)) === 0)
    }
    await closed
    file.closeSync()
    await file.close()
    await fails('EBADF', () => file.read(0, 1))
    await fails('EBADF', async () => file.readSync(0, 1))
    await fails('EBADF', () => file.size())
  })
}

function naming(test: FileTest): void {
  test('create refuses a name that is taken, open one that is not', async ({ vfs, path, directory }) => {
    await write(vfs, path, bytesOf(1))
    await fails('EEXIST', () => vfs.create(path))
    await fails('EEXIST', () => vfs.create(directory))
    await fails('ENOENT', () => vfs.open(`${path}-none`))
    await fails('ENOENT', async () => vfs.openSync(`${path}-none`))
    await fails('ENOENT', () => vfs.openAppend(`${path}-none`))
    await fails('ENOENT', () => vfs.readFile(`${path}-none`))
    await fails('ENOENT', () => vfs.create(joinPath(directory, 'none/file')))
    await fails('ENOTDIR', () => vfs.open(`${path}/below`))
    assert.deepEqual(await content(vfs, path), [1])
  })

  test('rename moves a file over whatever file has the name', async ({ vfs, path, directory }) => {
    await write(vfs, path, bytesOf(1))
    const target = joinPath(directory, 'target')
    await vfs.rename(path, target)
    assert.equal(await vfs.stat(path), undefined)
    await write(vfs, path, bytesOf(2))
    await vfs.rename(path, target)
    assert.deepEqual(await vfs.list(directory), ['target'])
    assert.deepEqual(await content(vfs, target), [2])
    await fails('ENOENT', () => vfs.rename(path, target))
    await fails('ENOENT', () => vfs.rename(target, joinPath(directory, 'none/target')))
    await vfs.rename(target, target)
    assert.deepEqual(await content(vfs, target), [2])
  })

  test('a link is a second name of one file', async ({ vfs, path, directory }) => {
    await write(vfs, path, bytesOf(1))
    const second = joinPath(directory, 'second')
    const linked = await outcome(() => vfs.link(path, second))
    if (linked === 'EXDEV' || linked === 'ENOTSUP') return
    assert.equal(linked, 'done')
    await fails('EEXIST', () => vfs.link(path, second))
    await fails('ENOENT', () => vfs.link(`${path}-none`, joinPath(directory, 'third')))
    await using file = await vfs.openAppend(path)
    await file.append(bytesOf(2))
    assert.deepEqual(await content(vfs, second), [1, 2])
    await vfs.remove(path)
    assert.deepEqual(await content(vfs, second), [1, 2])
  })

  test('a removed file is gone by name and still read by who has it open', async ({ vfs, path, directory }) => {
    await write(vfs, path, bytesOf(1, 2))
    await using file = await vfs.open(path)
    await vfs.remove(path)
    assert.deepEqual(await vfs.list(directory), [])
    assert.deepEqual([...(await file.read(0, 9))], [1, 2])
    await fails('ENOENT', () => vfs.remove(path))
    await write(vfs, path, bytesOf(3))
    assert.deepEqual([...(await file.read(0, 9))], [1, 2])
  })

  test('stat tells size and kind, and undefined for nothing', async ({ vfs, path, directory }) => {
    await write(vfs, path, pattern(123))
    const file = await vfs.stat(path)
    assert.equal(file?.sizeBytes, 123)
    assert.equal(file.isDirectory, false)
    assert.equal(typeof file.modifiedMs, 'number')
    const parent = await vfs.stat(directory)
    assert.deepEqual([parent?.isDirectory, parent?.sizeBytes], [true, 0])
    assert.equal(await vfs.stat(`${path}-none`), undefined)
    assert.equal(await vfs.stat(`${path}/below`), undefined)
  })
}

function directories(test: FileTest): void {
  test('list gives names of files and directories, sorted', async ({ vfs, path, directory }) => {
    for (const name of ['b', 'a', 'B', '000010', '000009', 'é']) await write(vfs, joinPath(directory, name), bytesOf())
    await vfs.makeDirectory(joinPath(directory, 'ab/below'))
    assert.deepEqual(await vfs.list(directory), ['000009', '000010', 'B', 'a', 'ab', 'b', 'é'])
    assert.deepEqual(await vfs.list(joinPath(directory, 'ab')), ['below'])
    await fails('ENOENT', () => vfs.list(path))
    await fails('ENOTDIR', () => vfs.list(joinPath(directory, 'a')))
  })

  test('makeDirectory makes parents, accepts what is there, and refuses a file in the way', async ({ vfs, path, directory }) => {
    const deep = joinPath(directory, 'x/y/z')
    await vfs.makeDirectory(deep)
    await vfs.makeDirectory(deep)
    await vfs.makeDirectory(directory)
    assert.equal((await vfs.stat(deep))?.isDirectory, true)
    await write(vfs, path, bytesOf())
    await fails('EEXIST', () => vfs.makeDirectory(path))
    await fails('ENOTDIR', () => vfs.makeDirectory(`${path}/below`))
  })

  test('syncDirectory takes a directory that exists', async ({ vfs, path, directory }) => {
    await write(vfs, path, bytesOf())
    await vfs.syncDirectory(directory)
    await fails('ENOENT', () => vfs.syncDirectory(`${path}-none`))
  })

  test('a directory is neither read, written, linked nor removed as a file', async ({ vfs, directory }) => {
    const inner = joinPath(directory, 'inner')
    await vfs.makeDirectory(inner)
    await fails('EISDIR', () => vfs.openAppend(inner))
    await fails('EISDIR', () => vfs.readFile(inner))
    await assert.rejects(() => vfs.remove(inner), hasSystemCode)
    await assert.rejects(() => vfs.link(inner, `${inner}-2`), hasSystemCode)
    await write(vfs, joinPath(directory, 'file'), bytesOf(1))
    await fails('EISDIR', () => vfs.rename(joinPath(directory, 'file'), inner))
    assert.equal((await vfs.stat(inner))?.isDirectory, true)
  })
}

function locking(test: FileTest): void {
  test('a lock is exclusive until it is released, and names its holder', async ({ vfs, directory }) => {
    const path = joinPath(directory, 'LOCK')
    const lock = await vfs.lock(path)
    assert.ok((await vfs.list(directory)).includes('LOCK'))
    await assert.rejects(
      () => vfs.lock(path),
      (error) => {
        assert.ok(error instanceof VarveError)
        assert.equal(error.code, 'DATABASE_LOCKED')
        assert.equal(error.context['pid'], process.pid)
        assert.match(String(error.context['since']), /^\d{4}-\d\d-\d\dT/)
        assert.match(error.message, new RegExp(`\\b${process.pid}\\b`))
        return true
      },
    )
    await lock.release()
    await lock.release()
    assert.deepEqual(await vfs.list(directory), [])
    await (await vfs.lock(path)).release()
  })

  test('locks of two directories do not meet, nor does a late release of the first take the second', async ({ vfs, directory }) => {
    await vfs.makeDirectory(joinPath(directory, 'a'))
    await vfs.makeDirectory(joinPath(directory, 'b'))
    const a = await vfs.lock(joinPath(directory, 'a/LOCK'))
    const b = await vfs.lock(joinPath(directory, 'b/LOCK'))
    await a.release()
    const again = await vfs.lock(joinPath(directory, 'a/LOCK'))
    await a.release()
    await assert.rejects(() => vfs.lock(joinPath(directory, 'a/LOCK')), VarveError)
    await again.release()
    await b.release()
  })

  test('of many who ask at once, one gets the lock', async ({ vfs, directory }) => {
    const path = joinPath(directory, 'LOCK')
    const asked = await Promise.allSettled(Array.from({ length: 10 }, () => vfs.lock(path)))
    const got = asked.filter((result) => result.status === 'fulfilled')
    assert.equal(got.length, 1)
    await got[0]?.value.release()
  })
}

function handles(test: FileTest): void {
  test('a handle survives a message and opens the same files', async ({ vfs, path }) => {
    await write(vfs, path, bytesOf(1, 2, 3))
    const opened = await openVfsHandle(structuredClone(vfs.handle()))
    assert.deepEqual(await content(opened, path), [1, 2, 3])
  })
}

function bytesOf(...values: number[]): Uint8Array {
  return Uint8Array.from(values)
}

function pattern(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >> 8)) & 0xff
  return bytes
}

async function write(vfs: Vfs, path: string, bytes: Uint8Array): Promise<void> {
  await using file = await vfs.create(path)
  await file.append(bytes)
}

async function content(vfs: Vfs, path: string): Promise<number[]> {
  return [...(await vfs.readFile(path))]
}

async function outcome(run: () => Promise<unknown>): Promise<string> {
  try {
    await run()
    return 'done'
  } catch (error) {
    if (error instanceof InvariantError) return 'InvariantError'
    return systemCode(error) ?? String(error)
  }
}

async function fails(code: string, run: () => Promise<unknown>): Promise<void> {
  assert.equal(await outcome(run), code)
}

function hasSystemCode(error: unknown): boolean {
  return systemCode(error) !== undefined
}
