import type { Clock } from '../base/clock.ts'
import type { Random } from '../base/random.ts'
import type { Interference, VfsCall, VfsInterceptor, VfsOp } from './intercepting-vfs.ts'
import { systemError } from './system-error.ts'

/** Every call of a file system that has crashed fails with this. It is not an error of the disk: nobody may recover from it. */
export class CrashError extends Error {
  override readonly name = 'CrashError'
  readonly code = 'CRASHED'
}

/** What to do to which calls. A rule without conditions means every call. */
export interface FaultRule {
  readonly op?: VfsOp | readonly VfsOp[]
  readonly path?: RegExp
  /** The first matching call that is hit, from 1. */
  readonly nth?: number
  /** How many calls are hit; 1 if `nth` is given, else all. */
  readonly times?: number
  /** Chance of a call that would be hit, 0..1; by `FaultOptions.random`. */
  readonly probability?: number

  /** Passes this much time of the clock before the call. */
  readonly delayMs?: number
  /** The call fails with this system code: `ENOSPC`, `EIO` … */
  readonly error?: string
  /** The part of a failing call that is carried out all the same, 0..1; default 0. `ENOSPC` with 0.5 is a short write. */
  readonly share?: number
  /** This call and every later one fail with `CrashError`. */
  readonly crash?: boolean
}

export interface FaultOptions {
  readonly random?: Random
  /** For delays. A clock that has `block(ms)` moves by it when a blocking call is delayed; otherwise the thread waits. */
  readonly clock?: Clock
  /** Sees every call before anything is decided; what it throws is what the call fails with. */
  readonly onCall?: (call: VfsCall, index: number) => void
}

interface ActiveRule {
  readonly rule: FaultRule
  matched: number
}

/** Decides what becomes of each call by rules, and counts calls and bytes. Nothing in it knows what the calls do. */
export class FaultPlan implements VfsInterceptor {
  readonly #options: FaultOptions
  readonly #rules = new Set<ActiveRule>()
  #crashed = false
  #crashAt: { index: number; share: number } | undefined
  /** Calls so far. */
  callCount = 0
  bytesWritten = 0
  bytesRead = 0

  constructor(options: FaultOptions = {}) {
    this.#options = options
  }

  get crashed(): boolean {
    return this.#crashed
  }

  /** Adds a rule; disposing the result takes it away. TypeError for a rule that could do nothing or lacks what it needs. */
  inject(rule: FaultRule): Disposable {
    checkRule(rule, this.#options)
    const active: ActiveRule = { rule, matched: 0 }
    this.#rules.add(active)
    return { [Symbol.dispose]: () => void this.#rules.delete(active) }
  }

  clear(): void {
    this.#rules.clear()
    this.#crashAt = undefined
  }

  /** Plans a crash at the call with this index, from 1; `share` of that call is still carried out. */
  crashAtCall(index: number, share: number): void {
    this.#crashAt = { index, share }
  }

  /** From now on every call fails. */
  crash(): void {
    this.#crashed = true
  }

  before(call: VfsCall): Interference | undefined {
    // Releasing its lock is the one thing that a crashed system may do, as the end of a process does.
    if (this.#crashed) return call.op === 'unlock' ? undefined : { error: crashError(call) }
    this.callCount++
    this.#options.onCall?.(call, this.callCount)
    const crashAt = this.#crashAt
    if (crashAt && this.callCount >= crashAt.index) {
      this.#crashed = true
      return { error: crashError(call), share: crashAt.share }
    }
    return this.#rules.size === 0 ? undefined : this.#interference(call)
  }

  after(call: VfsCall, bytes: number): void {
    if (call.op === 'append') this.bytesWritten += bytes
    else this.bytesRead += bytes
  }

  /** Delays add up; the first rule that fails the call decides how. */
  #interference(call: VfsCall): Interference | undefined {
    let delayMs = 0
    let failing: FaultRule | undefined
    for (const active of this.#rules) {
      if (!this.#hits(active, call)) continue
      delayMs += active.rule.delayMs ?? 0
      if (active.rule.error !== undefined || active.rule.crash) failing ??= active.rule
    }
    if (failing?.crash) this.#crashed = true
    return {
      ...(delayMs > 0 && this.#delays(call, delayMs)),
      ...(failing && {
        error: failing.crash ? crashError(call) : systemError(failing.error ?? 'EIO', call.op, call.path),
        share: failing.share ?? 0,
      }),
    }
  }

  #hits(active: ActiveRule, call: VfsCall): boolean {
    const { op, path, nth, times, probability } = active.rule
    if (op !== undefined && (typeof op === 'string' ? op !== call.op : !op.includes(call.op))) return false
    if (path && call.path.search(path) < 0) return false
    if (probability !== undefined && (this.#options.random?.next() ?? 1) >= probability) return false
    const first = nth ?? 1
    const last = first + (times ?? (nth === undefined ? Number.POSITIVE_INFINITY : 1)) - 1
    active.matched++
    return active.matched >= first && active.matched <= last
  }

  #delays(call: VfsCall, delayMs: number): Interference {
    const { clock } = this.#options
    return {
      delay: async () => {
        await clock?.sleep(delayMs)
        if (this.#crashed) throw crashError(call)
      },
      delaySync: () => {
        if (clock && 'block' in clock && typeof clock.block === 'function') clock.block(delayMs)
        else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, delayMs)
      },
    }
  }
}

function crashError(call: VfsCall): CrashError {
  return new CrashError(`The file system has crashed: ${call.op} of ${call.path} did not happen.`)
}

function checkRule(rule: FaultRule, options: FaultOptions): void {
  const { delayMs, error, crash, share, probability, nth, times } = rule
  if (delayMs === undefined && error === undefined && !crash) throw new TypeError('A fault rule needs an effect: delayMs, error or crash.')
  if (delayMs !== undefined && !options.clock) throw new TypeError('A fault rule with delayMs needs the clock option.')
  if (probability !== undefined && !options.random) throw new TypeError('A fault rule with a probability needs the random option.')
  for (const [name, value] of [
    ['share', share],
    ['probability', probability],
  ] as const) {
    if (value !== undefined && !(value >= 0 && value <= 1)) throw new TypeError(`A fault rule's ${name} lies in 0..1, not ${value}.`)
  }
  for (const [name, value] of [
    ['nth', nth],
    ['times', times],
  ] as const) {
    if (value !== undefined && !(Number.isInteger(value) && value >= 1))
      throw new TypeError(`A fault rule's ${name} is a whole number from 1, not ${value}.`)
  }
}
