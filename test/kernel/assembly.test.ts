import test from 'ava'
import { z } from 'zod'
import { VarveError } from '../../src/base/errors.ts'
import { token } from '../../src/base/token.ts'
import { hostService } from '../../src/kernel/assembly.ts'
import { byteSize } from '../../src/kernel/config.ts'
import { definePlugin } from '../../src/kernel/define-plugin.ts'
import { all, optional } from '../../src/kernel/needs.ts'
import { assembled, Biscuit, Cup, Milk, type Named, provider, refusal, says, Tea } from './support.ts'

const cup = definePlugin({
  name: 'cup',
  provides: [Cup],
  requires: [Tea],
  bind: (module) => module.provide(Cup, [Tea], (tea) => ({ from: `cup of ${tea.from}` })),
})

test('a factory is given its needs, whatever the order of the plugins', async (t) => {
  const assembly = await assembled({ defaults: [cup, provider('assam', Tea)] })
  t.is(assembly.get(Cup).from, 'cup of assam')
})

test('every service is made once, asynchronous factories too', async (t) => {
  let made = 0
  const slow = definePlugin({
    name: 'slow',
    provides: [Tea],
    bind: (module) =>
      module.provide(Tea, [], async () => {
        made++
        await Promise.resolve()
        return { from: 'slow' }
      }),
  })
  const assembly = await assembled({ defaults: [cup, slow] })
  t.is(assembly.get(Cup).from, 'cup of slow')
  t.is(assembly.get(Tea), assembly.get(Tea))
  t.is(made, 1)
})

test('an entry that provides a service replaces the default that did, and its users get the new one', async (t) => {
  const assembly = await assembled({ defaults: [provider('assam', Tea), cup], plugins: [provider('ceylon', Tea)] })
  t.is(assembly.get(Cup).from, 'cup of ceylon')
  t.deepEqual(
    assembly.plugins.leftOut.map(({ name, reason, by }) => ({ name, reason, by })),
    [{ name: 'assam', reason: 'replaced', by: ['ceylon'] }],
  )
})

const teaWithBiscuits = definePlugin({
  name: 'tea-with-biscuits',
  provides: [Tea, Milk],
  contributes: [Biscuit],
  bind(module) {
    module.provide(Tea, [], (): Named => {
      throw new Error('the replaced factory was called')
    })
    module.provide(Milk, [Tea], (tea) => ({ from: `milk for ${tea.from}` }))
    module.contribute(Biscuit, [Tea], (tea) => ({ from: `biscuit for ${tea.from}` }))
  },
})

test('a default that keeps one of its services stays, with its contributions, on top of the replacement', async (t) => {
  const assembly = await assembled({ defaults: [teaWithBiscuits], plugins: [provider('ceylon', Tea)] })
  t.is(assembly.get(Tea).from, 'ceylon')
  t.is(assembly.get(Milk).from, 'milk for ceylon')
  t.deepEqual(assembly.getAll(Biscuit), [{ from: 'biscuit for ceylon' }])
})

test('a default all of whose services are replaced is left out with its contributions', async (t) => {
  const assembly = await assembled({ defaults: [teaWithBiscuits], plugins: [provider('ceylon', Tea), provider('goat', Milk)] })
  t.deepEqual(assembly.getAll(Biscuit), [])
  t.deepEqual(assembly.plugins.leftOut[0]?.by, ['ceylon', 'goat'])
})

const sized = definePlugin({
  name: 'sized-tea',
  provides: [Tea],
  options: z.object({ capacity: byteSize().default(7), label: z.string().optional() }),
  bind: (module, { capacity }) => module.provide(Tea, [], () => ({ from: `${capacity} bytes` })),
})

test('options come from the schema when none are given, from the entry by name, and from the called definition', async (t) => {
  t.is((await assembled({ defaults: [sized] })).get(Tea).from, '7 bytes')
  t.is((await assembled({ defaults: [sized], plugins: [['sized-tea', { capacity: '1KiB' }]] })).get(Tea).from, '1024 bytes')
  t.is((await assembled({ defaults: [sized], plugins: [sized({ capacity: '2KiB' })] })).get(Tea).from, '2048 bytes')
  t.is((await assembled({ defaults: [sized({ capacity: 9 })] })).get(Tea).from, '9 bytes')
})

test('an unknown option is refused with the nearest known one, though the schema would drop it', async (t) => {
  const error = await refusal({ defaults: [sized], plugins: [['sized-tea', { capcity: '1KiB' }]] })
  t.true(says(error, 'CONFIG_INVALID', 'sized-tea', '"capcity"', 'Did you mean "capacity"?'))
})

test('an unknown option is refused for a schema that cannot be read, too', async (t) => {
  const opaque = definePlugin({
    name: 'opaque',
    options: {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (value: unknown) => ({ value: { size: (value as { size?: number }).size ?? 1 } }),
      },
    } as const,
    bind: () => undefined,
  })
  t.true(
    says(await refusal({ defaults: [opaque], plugins: [['opaque', { sice: 2 }]] }), 'CONFIG_INVALID', '"sice"', 'Did you mean "size"?'),
  )
})

test('a wrong option names plugin, option and what was found', async (t) => {
  const error = await refusal({ defaults: [sized], plugins: [['sized-tea', { capacity: 'huge' }]] })
  t.true(says(error, 'CONFIG_INVALID', 'sized-tea', '"capacity"', 'size in bytes', '"huge"'))
})

test('options for a plugin that takes none are refused', async (t) => {
  t.true(says(await refusal({ defaults: [cup], plugins: [['cup', { size: 1 }]] }), 'PLUGIN_REQUIRES'))
  t.true(
    says(
      await refusal({ defaults: [provider('assam', Tea)], plugins: [['assam', { size: 1 }]] }),
      'CONFIG_INVALID',
      'takes no options',
      '"size"',
    ),
  )
})

test('a disabled default is left out', async (t) => {
  const assembly = await assembled({ defaults: [provider('assam', Tea), provider('cow', Milk)], disable: ['cow'] })
  t.false(assembly.has(Milk))
  t.is(assembly.plugins.leftOut[0]?.reason, 'disabled')
})

test('disabling an unknown plugin suggests the nearest default', async (t) => {
  t.true(
    says(await refusal({ defaults: [provider('assam', Tea)], disable: ['asam'] }), 'PLUGIN_NOT_FOUND', '"asam"', 'Did you mean "assam"?'),
  )
})

test('a plugin that is both listed and disabled is refused', async (t) => {
  t.true(says(await refusal({ defaults: [provider('assam', Tea)], plugins: ['assam'], disable: ['assam'] }), 'CONFIG_INVALID', '"assam"'))
})

test('two entries that provide one service are a conflict that names both', async (t) => {
  const error = await refusal({ defaults: [provider('assam', Tea)], plugins: [provider('ceylon', Tea), provider('darjeeling', Tea)] })
  t.true(says(error, 'PLUGIN_CONFLICT', '"ceylon"', '"darjeeling"', 'Tea'))
})

test('naming a default makes it an entry, so another provider beside it is a conflict', async (t) => {
  t.true(
    says(
      await refusal({ defaults: [provider('assam', Tea)], plugins: ['assam', provider('ceylon', Tea)] }),
      'PLUGIN_CONFLICT',
      '"assam"',
      '"ceylon"',
    ),
  )
})

test('two entries of one name are a conflict', async (t) => {
  t.true(says(await refusal({ plugins: [provider('ceylon', Tea), provider('ceylon', Milk)] }), 'PLUGIN_CONFLICT', '"ceylon"'))
})

test('a required service that nothing provides names plugin and service', async (t) => {
  t.true(says(await refusal({ plugins: [cup] }), 'PLUGIN_REQUIRES', '"cup"', 'Tea', 'nothing provides'))
})

test('a required service that only a disabled default provides says so', async (t) => {
  t.true(
    says(
      await refusal({ defaults: [provider('assam', Tea), cup], disable: ['assam'] }),
      'PLUGIN_REQUIRES',
      '"cup"',
      'Tea',
      '"assam" would',
      '"disable"',
    ),
  )
})

test('a need that is not declared in requires is still checked before anything is made', async (t) => {
  let made = false
  const careless = definePlugin({
    name: 'careless',
    provides: [Milk, Cup],
    bind(module) {
      module.provide(Milk, [], () => {
        made = true
        return { from: 'careless' }
      })
      module.provide(Cup, [Tea], (tea) => tea)
    },
  })
  t.true(says(await refusal({ plugins: [careless] }), 'PLUGIN_REQUIRES', 'Cup of plugin "careless"', 'Tea'))
  t.false(made)
})

test('what the composition root itself requires is checked', async (t) => {
  t.true(says(await refusal({ requires: [Tea] }), 'PLUGIN_REQUIRES', 'Varve itself', 'Tea'))
})

test('a plugin that depends on a missing, disabled or replaced plugin is refused, saying which', async (t) => {
  const guest = definePlugin({ name: 'guest', dependsOn: ['assam'], bind: () => undefined })
  t.true(says(await refusal({ plugins: [guest] }), 'PLUGIN_REQUIRES', '"guest"', '"assam"', 'not in the assembly'))
  t.true(says(await refusal({ defaults: [provider('assam', Tea)], plugins: [guest], disable: ['assam'] }), 'PLUGIN_REQUIRES', '"disable"'))
  t.true(
    says(
      await refusal({ defaults: [provider('assam', Tea)], plugins: [guest, provider('ceylon', Tea)] }),
      'PLUGIN_REQUIRES',
      '"ceylon" replaced',
    ),
  )
})

test('declared requirements in a circle are named along it', async (t) => {
  const a = definePlugin({ name: 'a', provides: [Tea], requires: [Milk], bind: (module) => module.provide(Tea, [], () => ({ from: 'a' })) })
  const b = definePlugin({
    name: 'b',
    provides: [Milk],
    dependsOn: ['a'],
    bind: (module) => module.provide(Milk, [], () => ({ from: 'b' })),
  })
  const error = await refusal({ plugins: [a, b] })
  t.true(says(error, 'PLUGIN_CYCLE', '"a" → "b" → "a"'))
  t.deepEqual(error.context['plugins'], ['a', 'b', 'a'])
})

test('factories that need each other in a circle are named along it', async (t) => {
  const a = definePlugin({ name: 'a', provides: [Tea], bind: (module) => module.provide(Tea, [Milk], (milk) => milk) })
  const b = definePlugin({ name: 'b', provides: [Milk], bind: (module) => module.provide(Milk, [Tea], (tea) => tea) })
  t.true(says(await refusal({ plugins: [a, b] }), 'PLUGIN_CYCLE', 'Tea of "a" → Milk of "b" → Tea of "a"'))
})

test('two plugins may use each other as long as no two instances do', async (t) => {
  const a = definePlugin({
    name: 'a',
    provides: [Tea],
    contributes: [Biscuit],
    bind(module) {
      module.contribute(Biscuit, [Milk], (milk) => ({ from: `a after ${milk.from}` }))
      module.provide(Tea, [], () => ({ from: 'a' }))
    },
  })
  const b = definePlugin({
    name: 'b',
    provides: [Milk],
    bind: (module) => module.provide(Milk, [Tea], (tea) => ({ from: `b after ${tea.from}` })),
  })
  t.deepEqual((await assembled({ plugins: [a, b] })).getAll(Biscuit), [{ from: 'a after b after a' }])
})

test('all() gives every contribution, and makes them first', async (t) => {
  const plate = definePlugin({
    name: 'plate',
    provides: [Cup],
    bind: (module) => module.provide(Cup, [all(Biscuit)], (biscuits) => ({ from: biscuits.map((each) => each.from).join('+') })),
  })
  const baker = (name: string) =>
    definePlugin({ name, contributes: [Biscuit], bind: (module) => module.contribute(Biscuit, [], () => ({ from: name })) })
  t.is((await assembled({ plugins: [plate, baker('oat'), baker('rye')] })).get(Cup).from, 'oat+rye')
  t.is((await assembled({ plugins: [plate] })).get(Cup).from, '')
})

test('optional() gives the service, or undefined when nothing provides it', async (t) => {
  const polite = definePlugin({
    name: 'polite',
    provides: [Cup],
    bind: (module) => module.provide(Cup, [optional(Milk)], (milk) => ({ from: milk?.from ?? 'black' })),
  })
  t.is((await assembled({ plugins: [polite] })).get(Cup).from, 'black')
  t.is((await assembled({ plugins: [polite, provider('cow', Milk)] })).get(Cup).from, 'cow')
})

test('a host service meets requirements and replaces a default; an entry replaces it, unless it is fixed', async (t) => {
  const host = [hostService(Tea, { from: 'host' })]
  t.is((await assembled({ host, defaults: [cup, provider('assam', Tea)] })).get(Cup).from, 'cup of host')
  const replaced = await assembled({ host, defaults: [cup], plugins: [provider('ceylon', Tea)] })
  t.is(replaced.get(Cup).from, 'cup of ceylon')
  t.deepEqual(replaced.plugins.host, [{ service: 'Tea', replacedBy: 'ceylon' }])
  const error = await refusal({ host: [hostService(Tea, { from: 'host' }, { fixed: true })], plugins: [provider('ceylon', Tea)] })
  t.true(says(error, 'PLUGIN_CONFLICT', 'host', '"ceylon"', 'Tea'))
})

test('asking for a service that nothing provides names the nearest', async (t) => {
  const assembly = await assembled({ plugins: [provider('assam', Tea), provider('cow', Milk)] })
  const error = t.throws(() => assembly.get(token<Named>('Mlik')), { code: 'SERVICE_NOT_FOUND' })
  t.regex(error.message, /Mlik.*Did you mean "Milk"\?/)
})

test('a factory that fails fails the assembly, naming plugin and service, after what was made has been closed', async (t) => {
  const closed: string[] = []
  const made = definePlugin({
    name: 'made',
    provides: [Tea],
    bind: (module) => module.provide(Tea, [], () => ({ from: 'made', close: () => void closed.push('tea') })),
  })
  const broken = definePlugin({
    name: 'broken',
    provides: [Cup],
    bind: (module) =>
      module.provide(Cup, [Tea], (): Named => {
        throw new Error('no cup')
      }),
  })
  const error = await t.throwsAsync(assembled({ plugins: [broken, made] }))
  t.is(error?.message, 'Plugin "broken" failed to make Cup: no cup')
  t.deepEqual(closed, ['tea'])
})

test('a factory that returns nothing is refused', async (t) => {
  const empty = definePlugin({
    name: 'empty',
    provides: [Tea],
    bind: (module) => module.provide(Tea, [], () => undefined as unknown as Named),
  })
  await t.throwsAsync(assembled({ plugins: [empty] }), { message: /"empty" failed to make Tea.*undefined/ })
})

test('a bind that fails, and a schema that throws, name the plugin', async (t) => {
  const failing = (what: string) => () => {
    throw new Error(`no ${what}`)
  }
  await t.throwsAsync(assembled({ plugins: [definePlugin({ name: 'unbound', bind: failing('bind') })] }), {
    message: 'Plugin "unbound" failed to bind: no bind',
  })
  const options = { '~standard': { version: 1, vendor: 'test', validate: failing('check') } } as const
  t.true(
    says(
      await refusal({ plugins: [definePlugin({ name: 'unchecked', options, bind: () => undefined })] }),
      'CONFIG_INVALID',
      'unchecked',
      'no check',
    ),
  )
})

test("Varve's own errors reach the caller as they are, from factories too", async (t) => {
  const original = new VarveError('PEER_DEPENDENCY_MISSING', 'Install it.')
  const needy = definePlugin({ name: 'needy', provides: [Tea], bind: (module) => module.provide(Tea, [], () => Promise.reject(original)) })
  t.is(await refusal({ plugins: [needy] }), original)
})

for (const [how, declaration] of [
  ['requires', { requires: [Tea] }],
  ['dependsOn', { dependsOn: ['maker'] }],
] as const) {
  test(`what ${how} names is made first, even when a third plugin asks for its user before`, async (t) => {
    const made: string[] = []
    const note = (name: string) => () => {
      made.push(name)
      return { from: name }
    }
    const eager = definePlugin({ name: 'eager', provides: [Milk], bind: (module) => module.provide(Milk, [Cup], note('eager')) })
    const user = definePlugin({ name: 'user', provides: [Cup], ...declaration, bind: (module) => module.provide(Cup, [], note('user')) })
    const maker = definePlugin({ name: 'maker', provides: [Tea], bind: (module) => module.provide(Tea, [], note('maker')) })
    await assembled({ plugins: [eager, user, maker] })
    t.deepEqual(made, ['maker', 'user', 'eager'])
  })
}
