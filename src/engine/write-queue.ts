/**
 * Every write passes this one first-in-first-out queue.
 *
 * A write is looked up (no key may have a row), logged, and applied. A small one, when nothing else is under way and
 * all it needs is in memory, does all of it at once, inside the call. Else it waits its turn: `#pump` takes as many as
 * are there, looks each up and logs it, hands the log to the operating system in one write (group commit), and applies
 * them when that has succeeded. Later writes of a group are looked up before earlier ones are applied, so a group ends
 * before a write that might touch the same key. While a group is between look-up and application the queue is held;
 * flushes may be installed meanwhile, since they move rows and change no key.
 *
 * A large write goes through the same steps in slices, letting the event loop through between them; it is seen by
 * nobody before its last slice, because reads happen at `visibleTimestamp`.
 */
import { abortedError, asError, invariant, throwIfAborted, type VarveError } from '../base/errors.ts'
import { eventLoopGate } from '../base/event-loop-gate.ts'
import { fileError } from '../base/file-error.ts'
import { LookupMisses } from '../rowset/lookup-misses.ts'
import type { Wal } from '../wal/wal.ts'
import { type Duplicate, findDuplicate } from './duplicate-finder.ts'
import type { HybridClock } from './hybrid-clock.ts'
import { keyExistsError } from './key-exists-error.ts'
import { rejected } from './rejected.ts'
import { type Action, addCounts, checkExpectation, nothing, type ResolvedWrite, resolveSection } from './resolve-write.ts'
import type { Alone, Slot, Waiting } from './waiting.ts'
import { sliceRows, type Write, type WriteInTurn } from './write.ts'
import type { WriteCounts } from './write-api.ts'
import { logAction, logWrite } from './write-log.ts'
import type { WriteThrottle } from './write-throttle.ts'

/** Log bytes past which a group is written without waiting for more writes to join it. */
const groupBytesMax = 1 << 20

interface Logged extends ResolvedWrite {
  readonly write: Write
  readonly opId: number
  readonly timestamp: number
}

export interface WriteQueueOptions {
  /** Undefined when reading only: every write is refused then. */
  readonly log: Wal | undefined
  readonly time: HybridClock
  readonly throttle: WriteThrottle
  /** The last op id in use and the newest visible timestamp, as recovered. */
  readonly lastOpId: number
  readonly visibleTimestamp: number
  /** Why writes are refused: read-only, closed, stopped; undefined while they are taken. */
  refusal(): Error | undefined
  /** A write asked to be durable within the configured interval. */
  syncSoon(): void
  /** A write was applied. */
  applied(counts: WriteCounts): void
  /** A state that must not be: stop writes. */
  broken(error: Error): void
}

export class WriteQueue {
  readonly #o: WriteQueueOptions
  readonly #waiting: (Waiting | Alone)[] = []
  #pumping = false
  #applying = false
  /** Whether writes are looked up and not yet applied: rows must stay where they were found. */
  #moving: 'allowed' | 'held' = 'allowed'
  readonly #movers: (() => void)[] = []
  #lastAppliedOp: number
  #visibleTimestamp: number
  #nextOrdinal = 0
  /** Those who wait until every write below an ordinal is finished, ascending. */
  #settling: { readonly ordinal: number; readonly resolve: () => void }[] = []

  constructor(o: WriteQueueOptions) {
    this.#o = o
    this.#lastAppliedOp = o.lastOpId
    this.#visibleTimestamp = o.visibleTimestamp
  }

  get #log(): Wal {
    invariant(this.#o.log, 'a database that is read only takes no writes')
    return this.#o.log
  }

  get lastAppliedOp(): number {
    return this.#lastAppliedOp
  }

  /** Reads see every commit up to here. */
  get visibleTimestamp(): number {
    return this.#visibleTimestamp
  }

  /** Whether a batch is half applied: within a tick, or, if it is large, over several turns of the event loop. */
  get isApplying(): boolean {
    return this.#applying
  }

  /** Whether the next small write would be done at once. */
  get isFree(): boolean {
    return !this.#pumping && this.#waiting.length === 0
  }

  /**
   * Resolves with what was done, when the write is as durable as it asked to be. A promise of a write keeps its
   * place in the queue, and so does a function, which is called when its turn has come. The signal takes a write that waits
   * its turn out of the queue: ABORTED.
   */
  submit(write: Write | Promise<Write> | WriteInTurn, signal: AbortSignal | undefined): Promise<unknown> {
    // One that fails to be laid out fails when its turn comes; until then nobody looks at it.
    if (write instanceof Promise) write.catch(() => undefined)
    try {
      const refusal = this.#o.refusal()
      if (refusal) throw refusal
      throwIfAborted(signal)
      const done = !isLaidOut(write) || !this.isFree || write.rowCount > sliceRows ? undefined : this.#tryNow(write)
      return done ?? this.#enqueue({ write }, signal)
    } catch (error) {
      return rejected(error)
    }
  }

  /**
   * Runs something in its turn, while no write is between its look-up and its application and none begins; rows may move.
   * It is given an op id and a timestamp that no batch has, and must make them durable by itself. The op is
   * taken for applied, its timestamp shown, and what it resolves with called, in one tick. If it rejects, the op id is free again.
   */
  async alone(perform: (slot: Slot) => Promise<() => void>, signal: AbortSignal | undefined): Promise<void> {
    const refusal = this.#o.refusal()
    if (refusal) throw refusal
    throwIfAborted(signal)
    await this.#enqueue({ perform, signal }, signal)
  }

  #enqueue(item: Pick<Waiting, 'write'> | Pick<Alone, 'perform' | 'signal'>, signal: AbortSignal | undefined): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const leave = () => this.#leave(waiting, abortedError(signal as AbortSignal))
      const done = () => signal?.removeEventListener('abort', leave)
      const waiting: Waiting | Alone = {
        ordinal: this.#nextOrdinal++,
        ...item,
        resolve: (answer) => {
          done()
          resolve(answer)
        },
        reject: (error) => {
          done()
          reject(error)
        },
      }
      signal?.addEventListener('abort', leave)
      this.#waiting.push(waiting)
      if (!this.#pumping) void this.#pump()
    })
  }

  /** Takes a write that waits behind others out of the queue; the first one sees for itself that it is to go. */
  #leave(waiting: Waiting | Alone, error: VarveError): void {
    const index = this.#waiting.indexOf(waiting)
    if (index <= 0) return
    this.#waiting.splice(index, 1)
    waiting.reject(error)
  }

  /** Resolves when every write called until now is finished; those that keep coming are not waited for. */
  async settled(): Promise<void> {
    if (this.isFree) return
    await new Promise<void>((resolve) => this.#settling.push({ ordinal: this.#nextOrdinal, resolve }))
  }

  #tellSettled(): void {
    const first = this.#waiting[0]?.ordinal ?? this.#nextOrdinal
    while (this.#settling[0] && this.#settling[0].ordinal <= first) this.#settling.shift()?.resolve()
  }

  /** The whole of a small write, in this tick; undefined if it must wait for something. Throws what the write is rejected with. */
  #tryNow(write: Write): Promise<unknown> | undefined {
    if (!this.#o.throttle.admit(write.sizeBytes)) return undefined
    const resolved = this.#resolve(write)
    if (!resolved) return undefined
    if (resolved.actions.length === 0) return eventLoopGate.resolve(write.answer(resolved.counts))
    const { actions, counts } = resolved
    const w: Logged = { actions, counts, write, opId: this.#lastAppliedOp + 1, timestamp: this.#o.time.next() }
    logWrite(this.#log, w.actions, w.opId, w.timestamp)
    const written = this.#log.commit()
    if (written) return this.#finishLater(w, written)
    this.#apply(w)
    return this.#acknowledge(w)
  }

  /** The log is slow: holds the queue until the one write is in it. */
  async #finishLater(w: Logged, written: Promise<void>): Promise<unknown> {
    this.#pumping = true
    this.#moving = 'held'
    try {
      await written
      this.#apply(w)
    } catch (error) {
      this.#stopIfLogDid()
      throw error
    } finally {
      this.#letMove()
      void this.#pump()
    }
    return this.#acknowledge(w)
  }

  /**
   * Runs what moves rows from one rowset to another (an installation) when no write is between its look-up and its
   * application: now, or as soon as that is so. Resolves once it has run.
   */
  whileUnmoved<R>(move: () => R): Promise<R> {
    if (this.#moving === 'allowed') return Promise.resolve().then(() => (this.#moving === 'allowed' ? move() : this.whileUnmoved(move)))
    return new Promise((resolve, reject) => {
      this.#movers.push(() => {
        try {
          resolve(move())
        } catch (error) {
          reject(error)
        }
      })
    })
  }

  #letMove(): void {
    this.#moving = 'allowed'
    for (const move of this.#movers.splice(0)) move()
  }

  async #pump(): Promise<void> {
    this.#pumping = true
    while (this.#waiting.length > 0) {
      try {
        const [head] = this.#waiting
        if (head && 'perform' in head) await this.#runAlone(head)
        else await this.#commit(await this.#takeGroup())
      } catch (error) {
        this.#o.broken(asError(error))
      }
      this.#letMove()
      this.#tellSettled()
      const pause = eventLoopGate.pause()
      if (pause) await pause
    }
    this.#pumping = false
    this.#tellSettled()
  }

  async #runAlone({ perform, signal, resolve, reject }: Alone): Promise<void> {
    const opId = this.#lastAppliedOp + 1
    try {
      const refusal = this.#o.refusal()
      if (refusal) throw refusal
      throwIfAborted(signal)
      const timestamp = this.#o.time.next()
      const apply = await perform({ opId, timestamp })
      this.#lastAppliedOp = opId
      this.#visibleTimestamp = timestamp
      this.#applyAlone(apply)
      resolve(undefined)
    } catch (error) {
      this.#stopIfLogDid()
      reject(error)
    }
    this.#waiting.shift()
  }

  /** What is applied is durable: if it cannot be, that is a state that must not be. */
  #applyAlone(apply: () => void): void {
    try {
      apply()
    } catch (error) {
      this.#o.broken(asError(error))
      throw error
    }
  }

  /** A log that has failed for good takes no write any more; a full disk is another matter. */
  #stopIfLogDid(): void {
    if (this.#log.stopped) this.#o.broken(this.#log.stopped)
  }

  /** Looks up and logs writes from the head of the queue, as many as can go into one write of the log. */
  async #takeGroup(): Promise<(Logged & Waiting)[]> {
    const group: (Logged & Waiting)[] = []
    const hashes = new Set<number>()
    let opId = this.#lastAppliedOp
    let isFull = false
    while (this.#waiting.length > 0 && !isFull) {
      const head = this.#waiting[0] as Waiting | Alone
      if ('perform' in head) break
      if (group.length > 0 && !isLaidOut(head.write)) break
      try {
        const write = await (typeof head.write === 'function' ? head.write() : head.write)
        if (group.length > 0 && (write.rowCount > sliceRows || overlaps(write, hashes))) break
        const resolved = group.length === 0 ? await this.#makeReady(write) : this.#resolveIfReady(write)
        if (!resolved) break
        // What changes nothing takes no op id, and is not logged.
        if (resolved.actions.length > 0) opId++
        const timestamp = resolved.actions.length > 0 ? this.#o.time.next() : 0
        if (resolved.actions.length > 0) await this.#logInSlices(resolved.actions, opId, timestamp)
        group.push({ ...head, ...resolved, write, opId, timestamp })
        isFull = write.rowCount > sliceRows || this.#log.pendingBytes >= groupBytesMax
        if (!isFull && this.#waiting.length > 1) addHashes(write, hashes)
      } catch (error) {
        opId = this.#lastAppliedOp + group.filter(({ actions }) => actions.length > 0).length
        head.reject(fileError(error))
      }
      this.#waiting.shift()
    }
    return group
  }

  /** What a write comes to, if it can join a group without waiting. Throws what the write is rejected with. */
  #resolveIfReady(write: Write): ResolvedWrite | undefined {
    const refusal = this.#o.refusal()
    if (refusal) throw refusal
    throwIfAborted(write.signal)
    return this.#o.throttle.admit(write.sizeBytes) ? this.#resolve(write) : undefined
  }

  /** Waits for memory, and for blocks that the look-up must read. From then on no row moves until the write is applied. */
  async #makeReady(write: Write): Promise<ResolvedWrite> {
    const wait = this.#o.throttle.admit(write.sizeBytes) ? undefined : this.#o.throttle.wait(write.sizeBytes, write.signal)
    if (wait) await wait
    this.#moving = 'held'
    const refusal = this.#o.refusal()
    if (refusal) throw refusal
    throwIfAborted(write.signal)
    for (const steps = findDuplicate(write.sections); ; ) {
      const step = steps.next()
      if (step.done) {
        requireNone(step.value)
        break
      }
      const pause = eventLoopGate.pause()
      if (pause) await pause
    }
    for (const expectation of write.expectations ?? []) {
      const misses = new LookupMisses()
      while (!checkExpectation(expectation, misses)) await misses.load()
    }
    let all = nothing
    const actions: Action[] = []
    for (const section of write.sections) {
      const misses = new LookupMisses()
      let resolved = resolveSection(section, misses)
      while (!resolved) {
        await misses.load()
        resolved = resolveSection(section, misses)
      }
      actions.push(...resolved.actions)
      all = { actions, counts: addCounts(all.counts, resolved.counts) }
      const pause = eventLoopGate.pause()
      if (pause) await pause
    }
    return all
  }

  /** What a write comes to; undefined if that cannot be said from memory. Throws KEY_EXISTS and the like. */
  #resolve(write: Write): ResolvedWrite | undefined {
    const steps = findDuplicate(write.sections)
    let step = steps.next()
    while (!step.done) step = steps.next()
    requireNone(step.value)
    const misses = new LookupMisses()
    for (const expectation of write.expectations ?? []) if (!checkExpectation(expectation, misses)) return undefined
    const [first] = write.sections
    if (first && write.sections.length === 1) return resolveSection(first, misses)
    let { counts } = nothing
    const actions: Action[] = []
    for (const section of write.sections) {
      const resolved = resolveSection(section, misses)
      if (!resolved) return undefined
      actions.push(...resolved.actions)
      counts = addCounts(counts, resolved.counts)
    }
    return { actions, counts }
  }

  /** As `logWrite`, letting the event loop through between actions. */
  async #logInSlices(actions: readonly Action[], opId: number, timestamp: number): Promise<void> {
    if (actions.length === 1) return logWrite(this.#log, actions, opId, timestamp)
    try {
      this.#log.begin(opId, timestamp)
      for (const action of actions) {
        logAction(this.#log, action)
        const pause = eventLoopGate.pause()
        if (pause) await pause
      }
      this.#log.end()
    } catch (error) {
      this.#log.abandonBatch()
      throw error
    }
  }

  async #commit(group: readonly (Logged & Waiting)[]): Promise<void> {
    if (group.length === 0) return
    try {
      const written = this.#log.commit()
      if (written) await written
    } catch (error) {
      for (const w of group) w.reject(error)
      this.#stopIfLogDid()
      return
    }
    const left = [...group]
    try {
      for (const w of group) {
        if (w.actions.length === 1) this.#apply(w)
        else if (w.actions.length > 1) await this.#applyInSlices(w)
        left.shift()
        this.#acknowledge(w).then(w.resolve, w.reject)
      }
    } catch (error) {
      for (const w of left) w.reject(error)
      throw error
    }
  }

  /**
   * Puts a logged write into memory and shows it, in one tick: a store frozen between the two would hold an op past its
   * cut. The log has the write already, so that one which cannot be applied is a state that must not be. Who is told in
   * between that memory has changed, and reads then, sees what was before: no row cache may take that for the newest.
   */
  #apply(w: Logged): void {
    this.#applying = true
    try {
      for (const action of w.actions) applyAction(action, w)
      this.#publish(w)
    } catch (error) {
      this.#o.broken(asError(error))
      throw error
    } finally {
      this.#applying = false
    }
  }

  /** As `#apply`, over several turns; meanwhile no store is frozen. */
  async #applyInSlices(w: Logged): Promise<void> {
    this.#applying = true
    for (const action of w.actions) {
      applyAction(action, w)
      const pause = eventLoopGate.pause()
      if (pause) await pause
    }
    this.#publish(w)
    this.#applying = false
  }

  #publish({ counts, opId, timestamp }: Logged): void {
    this.#lastAppliedOp = opId
    this.#visibleTimestamp = timestamp
    this.#o.applied(counts)
  }

  #acknowledge({ write, counts }: Logged): Promise<unknown> {
    if (write.durability === 'interval') this.#o.syncSoon()
    if (write.durability !== 'sync') return eventLoopGate.resolve(write.answer(counts))
    return this.#log.sync().then(
      () => write.answer(counts),
      (error: unknown) => {
        this.#stopIfLogDid()
        throw error
      },
    )
  }
}

function isLaidOut(write: Waiting['write']): write is Write {
  return typeof write !== 'function' && !(write instanceof Promise)
}

function applyAction(action: Action, { opId, timestamp }: Logged): void {
  const { tablet, rows, keys, hashes } = action
  if (action.op === 'insert') tablet.insert(rows, keys, hashes, { opId, timestamp })
  else tablet.change(action, { opId, timestamp })
}

function requireNone(duplicate: Duplicate | undefined): void {
  if (duplicate) throw keyExistsError(duplicate.section, duplicate.row, 'twice')
}

/** Whether a write touches, or expects something of, a key that an earlier one of its group may change. */
function overlaps({ sections, expectations = [] }: Write, hashes: ReadonlySet<number>): boolean {
  return [...sections, ...expectations].some((keys) => keys.hashes.some((hash) => hashes.has(hash)))
}

function addHashes(write: Write, hashes: Set<number>): void {
  for (const section of write.sections) for (const hash of section.hashes) hashes.add(hash)
}
