import fs from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { systemCode, VarveError } from '../base/errors.ts'
import { describeThisProcess, type LockHolder, livenessOf, newNonce, parseLockHolder } from './lock-holder.ts'
import type { FileLock } from './vfs.ts'

/*
 * How a lock is taken:
 * 1. A table shared by all copies of Varve in this thread refuses a second lock of the same path.
 * 2. The holder's description is written to a temporary file, which is linked to the lock's name. A link fails if the
 *    name is taken, and the lock is never seen half-written.
 * 3. If the name is taken and its holder lives, or cannot be checked: DATABASE_LOCKED.
 * 4. If its holder is dead, the lock is replaced by rename. Two processes may find the same dead holder; were they
 *    both to rename, the second would throw out the first's new lock. So each lock carries a nonce, and only who holds
 *    `LOCK.break-<nonce>` may replace the lock with that nonce. That right is itself a lock taken by these steps (its
 *    holder may die too). With the right in hand the lock is read again: still the same nonce, or start over. The
 *    right's holder is the only one who may change it, hence it cannot change between that look and the rename.
 * 5. A lock that cannot be understood was torn by a power cut, or, where links are not supported, is being written
 *    right now. It counts as dead after it has not changed for `tornGraceMs`.
 */

/** Timing of the lock, for tests. */
export interface FileLockOptions {
  /** How long a lock that cannot be understood is left alone; default 2000. */
  readonly tornGraceMs?: number
}

/**
 * Takes the lock file at `path`, in a directory that exists. DATABASE_LOCKED, with `pid`, `hostName` and `since` of
 * the holder in its context, if it is held.
 */
export async function takeFileLock(path: string, o: FileLockOptions = {}): Promise<FileLock> {
  const realPath = join(fs.realpathSync.native(dirname(path)), basename(path))
  const taken = locksOfThisThread()
  const own = taken.get(realPath)
  if (own) throw lockedError(path, own, 'it is open in this process already; use that Database, or close it first')
  const holder = describeThisProcess()
  taken.set(realPath, holder)
  try {
    await acquire(realPath, holder, o.tornGraceMs ?? 2000)
  } catch (error) {
    taken.delete(realPath)
    throw error
  }
  let released: Promise<void> | undefined
  return {
    release: () => {
      released ??= release(realPath, holder).finally(() => taken.delete(realPath))
      return released
    },
  }
}

function locksOfThisThread(): Map<string, LockHolder> {
  const shared = globalThis as { [key: symbol]: Map<string, LockHolder> | undefined }
  const key = Symbol.for('varve/file-locks')
  shared[key] ??= new Map()
  return shared[key]
}

async function acquire(path: string, holder: LockHolder, tornGraceMs: number): Promise<void> {
  let torn: { identity: string; sinceMs: number } | undefined
  while (!createLock(path, holder)) {
    const found = readLock(path)
    if (!found) continue
    if (found.holder) {
      refuseUnlessDead(path, found.holder, holder)
    } else {
      if (torn?.identity !== found.identity) torn = { identity: found.identity, sinceMs: performance.now() }
      if (found.ageMs < tornGraceMs && performance.now() - torn.sinceMs < tornGraceMs) {
        await delay(Math.min(50, tornGraceMs))
        continue
      }
    }
    if (await replaceDeadLock(path, found.identity, holder, tornGraceMs)) return
  }
}

function refuseUnlessDead(path: string, found: LockHolder, self: LockHolder): void {
  const liveness = livenessOf(found, self)
  if (liveness === 'dead') return
  const advice =
    liveness === 'alive'
      ? 'close it there first'
      : `whether it still runs cannot be seen from here (another machine or container); if it has ended, remove ${path}`
  throw lockedError(path, found, advice)
}

/** Step 4. False if the lock is no longer the one that was found dead. */
async function replaceDeadLock(path: string, identity: string, holder: LockHolder, tornGraceMs: number): Promise<boolean> {
  const lockPath = path.replace(/\.break-[^/]*$/, '')
  const right = `${lockPath}.break-${identity}`
  await acquire(right, { ...holder, nonce: newNonce() }, tornGraceMs)
  try {
    if (readLock(path)?.identity !== identity) return false
    const temporary = writeTemporary(path, holder)
    fs.renameSync(temporary, path)
    return true
  } finally {
    fs.rmSync(right, { force: true })
  }
}

/** Step 2. False if the name is taken. */
function createLock(path: string, holder: LockHolder): boolean {
  const temporary = writeTemporary(path, holder)
  try {
    fs.linkSync(temporary, path)
    return true
  } catch (error) {
    const code = systemCode(error)
    // Over a network a link may succeed and its answer be lost; the count of names tells.
    if (code === 'EEXIST') return fs.statSync(temporary).nlink === 2
    if (code === 'EPERM' || code === 'ENOTSUP' || code === 'ENOSYS' || code === 'EMLINK') return createWithoutLink(path, holder)
    throw error
  } finally {
    fs.rmSync(temporary, { force: true })
  }
}

function createWithoutLink(path: string, holder: LockHolder): boolean {
  try {
    fs.writeFileSync(path, JSON.stringify(holder), { flag: 'wx' })
    return true
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false
    throw error
  }
}

function writeTemporary(path: string, holder: LockHolder): string {
  const temporary = `${path}.${holder.nonce}.tmp`
  fs.writeFileSync(temporary, JSON.stringify(holder))
  return temporary
}

interface FoundLock {
  readonly holder: LockHolder | undefined
  /** Differs between any two locks that ever had the same name; fit for a file name. */
  readonly identity: string
  readonly ageMs: number
}

function readLock(path: string): FoundLock | undefined {
  try {
    const { ino, mtimeMs } = fs.statSync(path)
    const holder = parseLockHolder(fs.readFileSync(path, 'utf8'))
    return { holder, identity: holder?.nonce ?? `torn-${ino}-${Math.floor(mtimeMs)}`, ageMs: Date.now() - mtimeMs }
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

async function release(path: string, holder: LockHolder): Promise<void> {
  if (readLock(path)?.holder?.nonce === holder.nonce) fs.rmSync(path, { force: true })
}

function lockedError(path: string, holder: LockHolder, advice: string): VarveError {
  const { pid, hostName, since } = holder
  const message = `The database is locked: process ${pid} on ${hostName} has it open since ${since}; ${advice}.`
  return new VarveError('DATABASE_LOCKED', message, { context: { path, pid, hostName, since } })
}
