/**
 * Tokens name services and contributions. A token and its interface share one name:
 * `export interface BlockCache {…}` beside `export const BlockCache = token<BlockCache>('BlockCache')`.
 * `Symbol.for` is under the hood, so two loaded copies of Varve agree on every token.
 */
declare const carries: unique symbol
declare const many: unique symbol

/** The identity of a service of type `T`. The brand is invariant in `T`, so swapped dependencies do not compile. */
export type Token<T> = symbol & { readonly [carries]: (value: T) => T }

/** The identity of a contribution point: many plugins may contribute a `T`. */
export type ContributionToken<T> = Token<T> & { readonly [many]: true }

/** A service by its token, or by a class that carries it: `MaintenanceManager` stands for `MaintenanceManager.token`. */
export type ServiceRef<T> = Token<T> | ((abstract new (...given: never[]) => T) & { readonly token: Token<T> })

/** The token that something given as a service stands for; what is neither token nor such a class is given back. */
export function tokenOf(given: unknown): unknown {
  const carried = typeof given === 'function' ? (given as { token?: unknown }).token : undefined
  return typeof carried === 'symbol' ? carried : given
}

/** Makes the token of a service (one implementation, replaceable by configuration). */
export function token<T>(name: string): Token<T> {
  return Symbol.for(`varve/service/${name}`) as Token<T>
}

/** Makes the token of a contribution point (any number of contributions). */
export function contributionToken<T>(name: string): ContributionToken<T> {
  return Symbol.for(`varve/contribution/${name}`) as ContributionToken<T>
}

/** Whether a token names a contribution point. */
export function isContributionToken(token: Token<never> | symbol): boolean {
  return token.description?.startsWith('varve/contribution/') ?? false
}

/** The name that the token was made with. */
export function tokenName(token: Token<never> | symbol): string {
  return token.description?.replace(/^varve\/(service|contribution)\//, '') ?? 'unnamed'
}
