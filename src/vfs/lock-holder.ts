import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import { systemCode } from '../base/errors.ts'

/** Who holds a lock, as its file says in JSON. What the platform cannot tell is absent. */
export interface LockHolder {
  readonly pid: number
  /** Start of the process in clock ticks since boot: tells a process from a later one with the same pid. */
  readonly startTime?: string
  /** Identity of the machine's boot: no process outlives it. */
  readonly bootId?: string
  /** Identity of the set of processes among which `pid` means anything (containers have their own). */
  readonly pidNamespace?: string
  readonly hostName: string
  /** When the lock was taken, ISO 8601. */
  readonly since: string
  /** Unlike that of any other lock ever taken. */
  readonly nonce: string
}

/** `unknown`: it cannot be checked from here, and must be taken for alive. */
export type Liveness = 'alive' | 'dead' | 'unknown'

/** A description of this process for a new lock. */
export function describeThisProcess(): LockHolder {
  const startTime = processStart('self')
  const bootId = readText('/proc/sys/kernel/random/boot_id')
  const pidNamespace = readPidNamespace()
  return {
    pid: process.pid,
    ...(typeof startTime === 'string' && { startTime }),
    ...(bootId !== undefined && { bootId }),
    ...(pidNamespace !== undefined && { pidNamespace }),
    hostName: os.hostname(),
    since: new Date().toISOString(),
    nonce: newNonce(),
  }
}

export function newNonce(): string {
  return randomBytes(12).toString('hex')
}

/** The holder that a lock file names, or undefined if the text is not what `describeThisProcess` makes. */
export function parseLockHolder(text: string): LockHolder | undefined {
  let value: Partial<Record<keyof LockHolder, unknown>> | null
  try {
    value = JSON.parse(text) as typeof value
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { pid, startTime, bootId, pidNamespace, hostName, since, nonce } = value
  if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 0) return undefined
  if (typeof hostName !== 'string' || typeof since !== 'string') return undefined
  // The nonce becomes part of a file name.
  if (typeof nonce !== 'string' || !/^[0-9a-f]{8,64}$/.test(nonce)) return undefined
  return {
    pid,
    ...(typeof startTime === 'string' && { startTime }),
    ...(typeof bootId === 'string' && { bootId }),
    ...(typeof pidNamespace === 'string' && { pidNamespace }),
    hostName,
    since,
    nonce,
  }
}

/**
 * Whether the holder still runs, seen from this process (`self`). In doubt it is never `dead`: a lock wrongly kept
 * costs its owner a message, a lock wrongly broken costs the database.
 */
export function livenessOf(holder: LockHolder, self: LockHolder): Liveness {
  const sameBoot = holder.bootId !== undefined && holder.bootId === self.bootId
  if (!sameBoot) {
    // A process id means nothing on another machine, e.g. one that shares the directory over a network.
    if (holder.hostName !== self.hostName) return 'unknown'
    if (holder.bootId !== undefined && self.bootId !== undefined) return 'dead'
  }
  if (holder.pidNamespace !== self.pidNamespace) return 'unknown'
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    if (systemCode(error) === 'ESRCH') return 'dead'
  }
  const started = processStart(holder.pid)
  if (started === undefined || holder.startTime === undefined) return 'alive'
  return started === holder.startTime ? 'alive' : 'dead'
}

/** The start of a process, `ended` for one that only waits to be collected, undefined where the platform does not tell. */
function processStart(pid: number | 'self'): string | undefined {
  const stat = readText(`/proc/${pid}/stat`)
  if (stat === undefined) return undefined
  // The second field is the program's name in parentheses, and may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields[0] === 'Z' || fields[0] === 'X' ? 'ended' : fields[19]
}

function readPidNamespace(): string | undefined {
  try {
    return fs.readlinkSync('/proc/self/ns/pid')
  } catch {
    return undefined
  }
}

function readText(path: string): string | undefined {
  try {
    return fs.readFileSync(path, 'utf8').trim()
  } catch {
    return undefined
  }
}
