import { token } from './token.ts'

/** The only source of chance in the engine, injected so that one seed replays a whole run. */
export interface Random {
  /** A number in [0, 1). */
  next(): number
  /** A whole number in [0, bound). */
  below(bound: number): number
}
export const Random = token<Random>('Random')
