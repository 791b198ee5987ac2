/** Checks of what writes take beside their data. */
import { requireOptions } from '../base/call-options.ts'
import { describeValue } from '../schema/column-value.ts'
import type { WriteOptions } from './call-options.ts'
import type { InsertOptions } from './write-api.ts'

const writeOptions = ['durability', 'signal']
const durabilities: readonly unknown[] = ['sync', 'write', 'interval', undefined]

/** TypeError for options that a write does not have, and for values that they cannot have. */
export function requireWriteOptions(call: string, o: WriteOptions, more: readonly string[] = []): void {
  requireOptions(call, o, [...writeOptions, ...more])
  if (!durabilities.includes(o.durability))
    throw new TypeError(`durability is 'sync', 'write' or 'interval'; got ${describeValue(o.durability)}.`)
}

export function requireIfExists({ ifExists }: Pick<InsertOptions, 'ifExists'>): void {
  if (ifExists !== undefined && ifExists !== 'error' && ifExists !== 'skip')
    throw new TypeError(`ifExists is 'error' or 'skip'; got ${describeValue(ifExists)}.`)
}
