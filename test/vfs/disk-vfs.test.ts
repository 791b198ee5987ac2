import { execFile } from 'node:child_process'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'
import { InvariantError } from '../../src/base/errors.ts'
import { diskVfs } from '../../src/vfs/disk-vfs.ts'

const root = fs.mkdtempSync(join(tmpdir(), 'varve-disk-'))
test.after.always(() => fs.rmSync(root, { recursive: true, force: true }))
const linuxOnly = process.platform === 'linux' ? test : test.skip

linuxOnly('an append that the system cuts short is reported, counted as nothing, and taken back by truncate', async (t) => {
  const script = fileURLToPath(new URL('./fixtures/fill-file.ts', import.meta.url))
  // 1 MiB is the most that a file may hold; Node ignores the signal for it, and the write is short.
  const command = `ulimit -f 1024 && exec "$0" --import=tsx "$1" "$2"`
  const { stdout } = await promisify(execFile)('bash', ['-c', command, process.execPath, script, join(root, 'short')])
  const once = ['EFBIG', 1_000_000, 1_048_576]
  t.deepEqual(JSON.parse(stdout), [...once, ...once, [1, 3]])
})

linuxOnly('a full device refuses an append with ENOSPC, and then every other until the file is truncated', async (t) => {
  await using file = await diskVfs().openAppend('/dev/full')
  const error = await t.throwsAsync(() => file.append(new Uint8Array(10)), { code: 'ENOSPC' })
  t.is((error as { path?: string } | undefined)?.path, '/dev/full', 'the error of a call on an open file names it too')
  t.throws(() => file.appendSync(new Uint8Array(10)), { instanceOf: InvariantError })
  t.is(file.sizeBytes, 0)
})

test('closing without waiting, while reads are under way, gives the descriptor back when they have ended', async (t) => {
  const path = join(root, 'reads')
  fs.writeFileSync(path, 'x'.repeat(100_000))
  const vfs = diskVfs()
  const open = () => fs.readdirSync('/proc/self/fd').length
  const before = process.platform === 'linux' ? open() : 0
  for (let round = 0; round < 20; round++) {
    const file = vfs.openSync(path)
    const reads = [file.read(0, 50_000), file.read(50_000, 50_000)]
    file.closeSync()
    for (const bytes of await Promise.all(reads)) t.is(bytes.length, 50_000)
    await file.close()
  }
  // Other tests of this file may hold a few of their own.
  if (process.platform === 'linux') t.true(open() < before + 10)
})

linuxOnly('a read that fails names its file', async (t) => {
  await using file = await diskVfs().open(root)
  await t.throwsAsync(() => file.read(0, 10), { code: 'EISDIR' })
  const error = t.throws(() => diskVfs().openSync(root).readSync(0, 10), { code: 'EISDIR' })
  t.is((error as { path?: string } | undefined)?.path, root)
})

test('a directory is made with its parents by many at once', async (t) => {
  const deep = join(root, 'p/q/r/s')
  await Promise.all(Array.from({ length: 8 }, () => diskVfs().makeDirectory(deep)))
  t.true(fs.statSync(deep).isDirectory())
})

linuxOnly('a directory below one in which nothing can be made is refused, instead of tried for ever', async (t) => {
  await t.throwsAsync(() => diskVfs().makeDirectory('/proc/varve/below'), { code: 'ENOENT', message: /mkdir/ })
})
