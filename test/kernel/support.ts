import { VarveError, type VarveErrorCode } from '../../src/base/errors.ts'
import { contributionToken, token } from '../../src/base/token.ts'
import { type AssembleOptions, type Assembly, assemble } from '../../src/kernel/assembly.ts'
import { type ConfiguredPlugin, definePlugin } from '../../src/kernel/define-plugin.ts'
import { Lifecycle } from '../../src/kernel/lifecycle.ts'
import type { PluginEntry } from '../../src/kernel/plugin-loader.ts'

/** Services and a contribution point for the tests; each says who made it. */
export interface Named {
  readonly from: string
}
export const Tea = token<Named>('Tea')
export const Milk = token<Named>('Milk')
export const Cup = token<Named>('Cup')
export const Biscuit = contributionToken<Named>('Biscuit')

export interface Setup extends Partial<Omit<AssembleOptions, 'config'>> {
  readonly plugins?: readonly PluginEntry[]
  readonly disable?: readonly string[]
  readonly directory?: string
}

export function assembled({ plugins = [], disable = [], directory = process.cwd(), defaults = [], ...rest }: Setup): Promise<Assembly> {
  return assemble({ config: { plugins, disable, configDirectory: directory }, defaults, ...rest })
}

/** The VarveError that assembling rejects with. */
export async function refusal(setup: Setup): Promise<VarveError> {
  const thrown: unknown = await assembled(setup).then(
    () => undefined,
    (error: unknown) => error,
  )
  if (thrown instanceof VarveError) return thrown
  throw new Error(`expected a VarveError, got ${String(thrown)}`)
}

/** Whether an error is a VarveError of this code whose message contains every part. */
export function says(error: VarveError, code: VarveErrorCode, ...parts: string[]): boolean {
  const missing = parts.filter((part) => !error.message.includes(part))
  if (error.code !== code || missing.length > 0)
    throw new Error(`expected ${code} with ${JSON.stringify(missing)}, got ${error.code}: ${error.message}`)
  return true
}

/** A plugin that provides services which only say its name. */
export function provider(name: string, ...services: (typeof Tea)[]): ConfiguredPlugin {
  return definePlugin({
    name,
    provides: services,
    bind(module) {
      for (const service of services) module.provide(service, [], () => ({ from: name }))
    },
  })
}

/** A plugin whose lifecycle writes what happens into a journal. */
export function recorder(
  name: string,
  journal: string[],
  o: { dependsOn?: readonly string[]; fails?: 'start' | 'stop' } = {},
): ConfiguredPlugin {
  return definePlugin({
    name,
    contributes: [Lifecycle],
    dependsOn: o.dependsOn ?? [],
    bind(module) {
      module.contribute(Lifecycle, [], () => ({
        configure: () => void journal.push(`configure ${name}`),
        start: () => {
          if (o.fails === 'start') throw new Error(`${name} cannot start`)
          journal.push(`start ${name}`)
        },
        stop: async () => {
          if (o.fails === 'stop') throw new Error(`${name} cannot stop`)
          journal.push(`stop ${name}`)
        },
      }))
    },
  })
}
