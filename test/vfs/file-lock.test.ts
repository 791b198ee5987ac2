import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { VarveError } from '../../src/base/errors.ts'
import { takeFileLock } from '../../src/vfs/file-lock.ts'
import { describeThisProcess, type LockHolder, livenessOf, newNonce, parseLockHolder } from '../../src/vfs/lock-holder.ts'

const root = fs.mkdtempSync(join(tmpdir(), 'varve-lock-'))
const children: ChildProcessWithoutNullStreams[] = []
test.after.always(() => {
  for (const child of children) child.kill('SIGKILL')
  fs.rmSync(root, { recursive: true, force: true })
})

/** The path of a lock in a directory of its own, with a holder written into it if given. */
function lockPath(name: string, content?: LockHolder | string): string {
  const directory = join(root, name)
  fs.mkdirSync(directory)
  const path = join(directory, 'LOCK')
  if (content !== undefined) fs.writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

/** A process that takes locks when asked. */
async function startTaker() {
  const script = fileURLToPath(new URL('./fixtures/take-locks.ts', import.meta.url))
  const child = spawn(process.execPath, ['--import=tsx', script])
  children.push(child)
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  await lines.next()
  return {
    pid: child.pid as number,
    send: (paths: readonly string[]) => void child.stdin.write(`${JSON.stringify(paths)}\n`),
    answer: async () => JSON.parse((await lines.next()).value as string) as { got: string[]; unexpected: string[] },
    kill: async () => {
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

/** A holder on this machine that has ended: a process id above the greatest that Linux gives. */
function deadHolder(change: Partial<LockHolder> = {}): LockHolder {
  return { ...describeThisProcess(), pid: 2 ** 22 + 1, startTime: '1', ...change }
}

async function refused(path: string): Promise<VarveError> {
  try {
    await (await takeFileLock(path, { tornGraceMs: 20 })).release()
  } catch (error) {
    if (error instanceof VarveError && error.code === 'DATABASE_LOCKED') return error
    throw error
  }
  throw new Error('the lock was taken')
}

test('a lock of a running process is refused with its pid and since when, and taken over when it is killed', async (t) => {
  const path = lockPath('killed')
  const taker = await startTaker()
  taker.send([path])
  t.deepEqual((await taker.answer()).got, [path])
  const error = await refused(path)
  t.is(error.context['pid'], taker.pid)
  t.is(error.context['hostName'], hostname())
  t.true(error.message.includes(String(taker.pid)) && error.message.includes(String(error.context['since'])))
  t.true(error.retryable)
  await taker.kill()
  const lock = await takeFileLock(path)
  t.is(parseLockHolder(fs.readFileSync(path, 'utf8'))?.pid, process.pid)
  await lock.release()
  t.deepEqual(fs.readdirSync(join(path, '..')), [])
})

test('of several processes that find the same dead holders, exactly one gets each lock', async (t) => {
  const paths = Array.from({ length: 150 }, (_, i) => lockPath(`race-${i}`, i % 5 === 4 ? undefined : deadHolder({ nonce: newNonce() })))
  // Some were being taken over by a process that has died too, and one of those by yet another.
  for (let i = 0; i < paths.length; i += 5) {
    const breaker = deadHolder({ nonce: newNonce() })
    const { nonce } = parseLockHolder(fs.readFileSync(paths[i] as string, 'utf8')) as LockHolder
    fs.writeFileSync(`${paths[i]}.break-${nonce}`, JSON.stringify(breaker))
    if (i === 0) fs.writeFileSync(`${paths[i]}.break-${breaker.nonce}`, JSON.stringify(deadHolder({ nonce: newNonce() })))
  }
  const takers = await Promise.all([startTaker(), startTaker(), startTaker()])
  for (const taker of takers) taker.send(paths)
  const answers = await Promise.all(takers.map((taker) => taker.answer()))
  t.deepEqual(
    answers.flatMap((answer) => answer.unexpected),
    [],
  )
  t.deepEqual(answers.flatMap((answer) => answer.got).sort(), [...paths].sort())
  // Every lock names the process that says it has it.
  for (const [i, { got }] of answers.entries()) {
    for (const path of got) t.is(parseLockHolder(fs.readFileSync(path, 'utf8'))?.pid, takers[i]?.pid)
  }
  for (const path of paths) t.deepEqual(fs.readdirSync(join(path, '..')), ['LOCK'])
})

test('a second lock in this process is refused whatever path names the directory', async (t) => {
  const path = lockPath('same')
  const lock = await takeFileLock(path)
  const alias = join(root, 'alias')
  fs.symlinkSync(join(root, 'same'), alias)
  for (const other of [path, join(root, 'same', '..', 'same', 'LOCK'), join(alias, 'LOCK')]) {
    t.regex((await refused(other)).message, /this process/)
  }
  await lock.release()
  await (await takeFileLock(join(alias, 'LOCK'))).release()
})

test('a second loaded copy of the code in this process is refused too', async (t) => {
  const copy = (await import(`${new URL('../../src/vfs/file-lock.ts', import.meta.url).href}?copy`)) as {
    takeFileLock: typeof takeFileLock
  }
  t.not(copy.takeFileLock, takeFileLock)
  const path = lockPath('copies')
  const lock = await takeFileLock(path)
  await t.throwsAsync(() => copy.takeFileLock(path), { code: 'DATABASE_LOCKED', message: /this process/ })
  await lock.release()
})

test('a lock of this process that is not in its table, as another thread may hold it, is left alone', async (t) => {
  const path = lockPath('thread', describeThisProcess())
  t.is((await refused(path)).context['pid'], process.pid)
})

const linuxOnly = process.platform === 'linux' ? test : test.skip

linuxOnly('a process id that was given to another process does not keep a lock', async (t) => {
  const path = lockPath('reused', { ...describeThisProcess(), startTime: '1' })
  await (await takeFileLock(path)).release()
  t.pass()
})

linuxOnly('a lock from before a restart of this machine is taken over, though the process id is in use', async (t) => {
  const path = lockPath('reboot', { ...describeThisProcess(), bootId: '00000000-0000-0000-0000-000000000000' })
  await (await takeFileLock(path)).release()
  t.pass()
})

test('a holder that cannot be seen from here keeps its lock, and the message says what to do', async (t) => {
  const elsewhere = { hostName: 'another-host', bootId: '00000000-0000-0000-0000-000000000000' }
  for (const [i, change] of [elsewhere, { pidNamespace: 'pid:[1]' }].entries()) {
    const path = lockPath(`unknown-${i}`, deadHolder(change))
    const error = await refused(path)
    t.regex(error.message, /cannot be seen from here.*remove .*LOCK/)
  }
})

test('liveness is dead only when that is certain', (t) => {
  const self: LockHolder = { pid: process.pid, startTime: '5', bootId: 'b', pidNamespace: 'n', hostName: 'h', since: 's', nonce: 'x' }
  const dead = { ...self, pid: 2 ** 22 + 1 }
  const bare = { pid: process.pid, hostName: 'h', since: 's', nonce: 'x' }
  t.is(livenessOf(dead, self), 'dead')
  t.is(livenessOf({ ...dead, hostName: 'renamed' }, self), 'dead')
  t.is(livenessOf({ ...dead, hostName: 'other', bootId: 'c' }, self), 'unknown')
  t.is(livenessOf({ ...dead, pidNamespace: 'm' }, self), 'unknown')
  t.is(livenessOf({ ...self, bootId: 'c' }, self), 'dead')
  t.is(livenessOf({ ...self, pid: 1 }, { ...self, startTime: '0' }), process.platform === 'linux' ? 'dead' : 'alive')
  // Where the platform tells neither start nor boot, a running process with the same id has to be believed.
  t.is(livenessOf(bare, bare), 'alive')
  t.is(livenessOf({ ...bare, pid: 2 ** 22 + 1 }, bare), 'dead')
})

test('a torn lock is left alone while it may be being written, and taken over when it stays as it is', async (t) => {
  for (const [i, torn] of ['', '{"pid":12', '\0\0\0\0', '{"pid":-1}', '[]', 'null'].entries()) {
    const path = lockPath(`torn-${i}`, torn)
    const past = new Date(Date.now() - 60_000)
    fs.utimesSync(path, past, past)
    await (await takeFileLock(path)).release()
    t.deepEqual(fs.readdirSync(join(path, '..')), [])
  }
  const path = lockPath('torn-now', '')
  const asked = takeFileLock(path, { tornGraceMs: 100_000 })
  fs.writeFileSync(path, JSON.stringify(describeThisProcess()))
  await t.throwsAsync(asked, { code: 'DATABASE_LOCKED' })
  const future = lockPath('torn-future', '')
  const ahead = new Date(Date.now() + 1e9)
  fs.utimesSync(future, ahead, ahead)
  await (await takeFileLock(future, { tornGraceMs: 5 })).release()
})

test('a process that died while it took a dead lock over does not stop the next one', async (t) => {
  const stale = deadHolder()
  const path = lockPath('break', stale)
  const breaker = deadHolder({ nonce: newNonce() })
  fs.writeFileSync(`${path}.break-${stale.nonce}`, JSON.stringify(breaker))
  await (await takeFileLock(path)).release()
  t.deepEqual(fs.readdirSync(join(path, '..')), [])
})

test('a lock that is being taken over by a running process is refused', async (t) => {
  const stale = deadHolder()
  const path = lockPath('breaking', stale)
  fs.writeFileSync(`${path}.break-${stale.nonce}`, JSON.stringify({ ...describeThisProcess(), pid: process.ppid, startTime: undefined }))
  t.is((await refused(path)).context['pid'], process.ppid)
  t.deepEqual(parseLockHolder(fs.readFileSync(path, 'utf8')), stale)
})

test('release leaves a lock that somebody else has put there by hand', async (t) => {
  const path = lockPath('foreign')
  const lock = await takeFileLock(path)
  const other = deadHolder({ nonce: newNonce() })
  fs.writeFileSync(path, JSON.stringify(other))
  await lock.release()
  t.deepEqual(parseLockHolder(fs.readFileSync(path, 'utf8')), other)
})

test('a lock in a directory that is missing fails and leaves nothing behind', async (t) => {
  const path = join(root, 'later', 'LOCK')
  await t.throwsAsync(() => takeFileLock(path), { code: 'ENOENT' })
  fs.mkdirSync(join(root, 'later'))
  await (await takeFileLock(path)).release()
})
