import { didYouMean } from './suggest.ts'

/**
 * TypeError unless the options of a call are an object (or absent) with known names only, and its `signal`, if it has one, is
 * an AbortSignal: a misspelt option must not pass for one that was not given, nor an AbortController for its signal. `call`
 * names the call in the message: `insert`.
 */
export function requireOptions(call: string, options: unknown, known: readonly string[]): void {
  if (options === undefined) return
  if (typeof options !== 'object' || options === null) throw new TypeError(`The options of ${call} are an object; got ${String(options)}.`)
  for (const name of Object.keys(options)) {
    if (!known.includes(name))
      throw new TypeError(
        `${call} has no option "${name}"; there ${known.length === 1 ? 'is' : 'are'} ${known.join(', ')}.${didYouMean(name, known)}`,
      )
  }
  requireSignal(call, (options as { signal?: unknown }).signal)
}

function requireSignal(call: string, signal: unknown): void {
  if (signal === undefined || signal === null || isSignal(signal)) return
  const advice = isSignal((signal as { signal?: unknown } | null)?.signal) ? ' Give its signal: controller.signal.' : ''
  throw new TypeError(`The signal of ${call} is an AbortSignal; it got something else.${advice}`)
}

/** By what it does: signals of other realms, and those that libraries make, will do. */
function isSignal(value: unknown): value is AbortSignal {
  const signal = value as Partial<AbortSignal> | null | undefined
  return typeof signal?.aborted === 'boolean' && typeof signal.addEventListener === 'function'
}

/** TypeError if a function that must be done when it returns gave a promise. What becomes of the promise is nobody's concern then. */
export function requireSynchronous(call: string, returned: unknown): void {
  if (typeof (returned as PromiseLike<unknown> | null | undefined)?.then !== 'function') return
  Promise.resolve(returned as PromiseLike<unknown>).catch(() => undefined)
  throw new TypeError(`${call} is synchronous, but returned a promise. What it has to wait for belongs before open().`)
}
