import { readFileSync } from 'node:fs'
import { InvariantError, VarveError } from '../../../src/base/errors.ts'

class OddError extends Error {
  override readonly name = 'OddError'
  readonly code = 'ODD'
}

/** Fails in the way it is told to. */
export default async function fail(
  how: 'varve' | 'system' | 'odd' | 'text' | 'invariant' | 'type' | 'unclonable-context' | 'unclonable-result',
): Promise<unknown> {
  if (how === 'varve')
    throw new VarveError('DISK_FULL', 'No room for it.', { context: { path: '000012.sst', sizeBytes: 5n }, cause: new Error('deeper') })
  if (how === 'system') return readFileSync('/nonexistent/file')
  if (how === 'odd') throw new OddError('Odd.')
  if (how === 'text') throw 'just text'
  if (how === 'invariant') throw new InvariantError('It cannot be.')
  if (how === 'type') throw new TypeError('Not that.')
  if (how === 'unclonable-context') throw new VarveError('CORRUPTION', 'Bad.', { context: { ask: () => 1, offset: 7 } })
  return () => 'a function cannot be cloned'
}
