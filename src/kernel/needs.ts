import type { MapToResolvedValueInjectOptions } from 'inversify'
import { type ContributionToken, isContributionToken, type ServiceRef, tokenName, tokenOf } from '../base/token.ts'
import { BindError } from './plugin-failure.ts'

declare const gives: unique symbol

/** A need other than "this one service": made by `all` or `optional`. */
export interface SpecialNeed<T> {
  readonly [gives]?: (value: T) => T
  readonly token: symbol
  readonly how: 'all' | 'optional'
}

/** What a factory can be given: a service by its token (or the class that carries it), `all(contributions)`, or `optional(service)`. */
export type Need<T> = ServiceRef<T> | SpecialNeed<T>

/** The needs of a factory that takes the arguments `A`. */
export type Needs<A extends readonly unknown[]> = { readonly [K in keyof A]: Need<A[K]> }

/** The arguments `A` again, as a place from which TypeScript infers nothing: only the list of needs says what they are. */
export type Given<A extends readonly unknown[]> = A extends infer B extends readonly unknown[] ? B : never

/** Needs every contribution to a contribution point, in the order of assembly; an empty array if there is none. */
export function all<T>(to: ContributionToken<T>): SpecialNeed<readonly T[]> {
  if (!isContributionToken(to))
    throw new TypeError(`all(${tokenName(to)}): ${tokenName(to)} is a service; only contribution points have many. Need it directly.`)
  return { token: to, how: 'all' }
}

/** Needs a service if some plugin provides it, else gets undefined. */
export function optional<T>(given: ServiceRef<T>): SpecialNeed<T | undefined> {
  const service = tokenOf(given) as symbol
  if (isContributionToken(service))
    throw new TypeError(
      `optional(${tokenName(service)}): ${tokenName(service)} is a contribution point, never missing. Use all(${tokenName(service)}).`,
    )
  return { token: service, how: 'optional' }
}

/** A need without its type, as the kernel keeps it. */
export interface PlainNeed {
  readonly token: symbol
  readonly how: 'one' | 'all' | 'optional'
}

/** Checks the needs that a plugin passed and drops their types; misuse is a TypeError that names `where`. */
export function plainNeeds(needs: readonly unknown[], where: string): PlainNeed[] {
  if (!Array.isArray(needs)) throw new BindError(`${where}: the needs must be an array of tokens, [] if there are none.`)
  return needs.map((given: unknown, index) => {
    const need = tokenOf(given)
    if (typeof need === 'symbol') {
      if (isContributionToken(need))
        throw new BindError(`${where}: ${tokenName(need)} is a contribution point; need it as all(${tokenName(need)}).`)
      return { token: need, how: 'one' }
    }
    const special = need as Partial<PlainNeed> | undefined
    if (typeof special?.token === 'symbol' && (special.how === 'all' || special.how === 'optional'))
      return { token: special.token, how: special.how }
    throw new BindError(`${where}: need ${index} is not a token. A circular import leaves a token undefined.`)
  })
}

/** The needs as inversify wants them. */
export function injectOptions(needs: readonly PlainNeed[]): MapToResolvedValueInjectOptions<unknown[]> {
  return needs.map(({ token, how }) => {
    if (how === 'all') return { serviceIdentifier: token, isMultiple: true }
    return how === 'optional' ? { serviceIdentifier: token, optional: true } : token
  })
}
