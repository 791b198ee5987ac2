import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { asError, errorCodes, InvariantError, VarveError, type VarveErrorCode } from '../base/errors.ts'

/** What a worker is sent for one job. */
export interface JobMessage {
  readonly module: string
  readonly data: unknown
  /** One word, shared: not 0 as soon as the job should stop. A busy job sees it without an event loop. */
  readonly stopFlag: Int32Array<SharedArrayBuffer>
  /** Gets one message when the job should stop, which wakes a job that waits for something. */
  readonly stopPort: MessagePort
  /** One word, shared: 1 while the main thread is busy. */
  readonly busyFlag: Int32Array<SharedArrayBuffer>
}

/** What a worker answers. An error is an answer too: structured cloning would keep its message alone. */
export type JobAnswer = { readonly ok: true; readonly result: unknown } | { readonly ok: false; readonly error: PlainError }

/** An error as plain data. */
export interface PlainError {
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  readonly code: string | undefined
  readonly context: Readonly<Record<string, unknown>> | undefined
  /** What Node's system errors carry besides their code. */
  readonly system: Readonly<Record<string, unknown>>
  readonly cause: PlainError | undefined
}

/** Chains of causes are cut here: a circle would have no end. */
const causeDepthMax = 8
const systemKeys = ['errno', 'syscall', 'path', 'dest'] as const

/** Takes an error apart for the way to another thread. Context that cannot be cloned travels as text. */
export function plainError(thrown: unknown, depth = 0): PlainError {
  const error = asError(thrown)
  const { code, context } = error as { code?: unknown; context?: unknown }
  const system: Record<string, unknown> = {}
  for (const key of systemKeys) {
    const value: unknown = Reflect.get(error, key)
    if (typeof value === 'string' || typeof value === 'number') system[key] = value
  }
  return {
    name: error.name,
    message: error.message,
    stack: error.stack,
    code: typeof code === 'string' ? code : undefined,
    context: typeof context === 'object' && context !== null ? cloneable({ ...context }) : undefined,
    system,
    cause: error.cause === undefined || depth === causeDepthMax ? undefined : plainError(error.cause, depth + 1),
  }
}

/** Puts an error together again: of Varve's own classes, or a plain Error with the name, code and stack it had. */
export function reviveError(plain: PlainError): Error {
  const cause = plain.cause === undefined ? undefined : reviveError(plain.cause)
  const error = newError(plain, cause)
  if (plain.stack !== undefined) error.stack = plain.stack
  return error
}

function newError(plain: PlainError, cause: Error | undefined): Error {
  if (plain.name === 'VarveError' && plain.code !== undefined && plain.code in errorCodes) {
    return new VarveError(plain.code as VarveErrorCode, plain.message, { cause, ...(plain.context && { context: plain.context }) })
  }
  const o = cause === undefined ? undefined : { cause }
  if (plain.name === 'InvariantError') return Object.assign(new InvariantError(plain.message), o)
  if (plain.name === 'TypeError') return Object.assign(new TypeError(plain.message, o), extras(plain))
  if (plain.name === 'RangeError') return Object.assign(new RangeError(plain.message, o), extras(plain))
  const error = Object.assign(new Error(plain.message, o), extras(plain))
  if (plain.name !== 'Error') Object.defineProperty(error, 'name', { value: plain.name, configurable: true, writable: true })
  return error
}

function extras(plain: PlainError): Record<string, unknown> {
  return { ...plain.system, ...(plain.code !== undefined && { code: plain.code }) }
}

function cloneable(context: Record<string, unknown>): Record<string, unknown> {
  for (const [key, value] of Object.entries(context)) {
    try {
      context[key] = structuredClone(value)
    } catch {
      context[key] = String(value)
    }
  }
  return context
}

/**
 * The worker's side of a signal, which itself cannot cross. It fires when a message comes, and as soon as anybody
 * looks at `aborted` after the flag was set: so a loop that never lets the event loop turn can be stopped as well.
 */
export function jobSignal({ stopFlag, stopPort }: Pick<JobMessage, 'stopFlag' | 'stopPort'>): { signal: AbortSignal; close(): void } {
  const controller = new AbortController()
  const { signal } = controller
  const abort = () => controller.abort(new VarveError('ABORTED', 'The job was told to stop.'))
  const nativeAborted = Object.getOwnPropertyDescriptor(AbortSignal.prototype, 'aborted')?.get
  const isAborted = () => nativeAborted?.call(signal) === true
  Object.defineProperty(signal, 'aborted', {
    get() {
      if (Atomics.load(stopFlag, 0) !== 0 && !isAborted()) abort()
      return isAborted()
    },
  })
  Object.defineProperty(signal, 'throwIfAborted', {
    value() {
      if (signal.aborted) throw signal.reason
    },
  })
  if (receiveMessageOnPort(stopPort)) abort()
  stopPort.once('message', abort)
  stopPort.unref()
  return { signal, close: () => stopPort.close() }
}
