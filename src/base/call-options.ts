import { didYouMean } from './suggest.ts'

/**
 * TypeError unless the options of a call are an object (or absent) with known names only: a misspelt option must not
 * pass for one that was not given. `call` names the call in the message: `insert`.
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
}
