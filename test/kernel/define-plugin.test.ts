import test from 'ava'
import { z } from 'zod'
import { token } from '../../src/base/token.ts'
import { byteSize } from '../../src/kernel/config.ts'
import { definePlugin, isConfiguredPlugin, type PluginDefinition } from '../../src/kernel/define-plugin.ts'
import { optional } from '../../src/kernel/needs.ts'
import type { PluginModule } from '../../src/kernel/plugin-module.ts'
import { assembled, Biscuit, Milk, type Named, refusal, says, Tea } from './support.ts'

const bind = () => undefined
/** As a caller without types would call it. */
const untyped = definePlugin as unknown as (declaration: unknown) => PluginDefinition

test('a definition is an entry, and so is what it returns when called', (t) => {
  const plugin = definePlugin({ name: '@acme/tea', options: z.object({ size: z.number() }), bind })
  t.is(plugin.name, '@acme/tea')
  t.is(plugin.plugin, '@acme/tea')
  t.true(isConfiguredPlugin(plugin))
  t.true(isConfiguredPlugin(plugin({ size: 1 })))
  t.is(plugin({ size: 1 }).plugin, '@acme/tea')
  t.false(isConfiguredPlugin({ plugin: 'looks-like-one' }))
})

test('options are typed by the schema', (t) => {
  const plugin = definePlugin({
    name: 'typed',
    options: z.object({ size: z.string().transform(Number) }),
    bind: (_module, options) => void options.size.toFixed(),
  })
  plugin({ size: '1' })
  // @ts-expect-error a number is not the schema's input
  plugin({ size: 1 })
  t.pass()
})

test('options can be stated one by one; those with a default may be left out', async (t) => {
  const plugin = definePlugin({
    name: 'record',
    provides: [Tea],
    options: { size: byteSize().default(5), label: z.string() },
    bind: (module, { size, label }) => module.provide(Tea, [], () => ({ from: `${label} ${size.toFixed()}` })),
  })
  t.is((await assembled({ plugins: [plugin({ label: 'x' })] })).get(Tea).from, 'x 5')
  t.is((await assembled({ plugins: [plugin({ label: 'x', size: '1KiB' })] })).get(Tea).from, 'x 1024')
  // @ts-expect-error label has no default
  const error = await refusal({ plugins: [plugin({ size: 'big' })] })
  t.true(says(error, 'CONFIG_INVALID', 'option "size"', 'found "big"', 'option "label"', 'found nothing'))
  t.true(says(await refusal({ defaults: [plugin], plugins: [['record', { labell: 'x' }]] }), 'CONFIG_INVALID', 'Did you mean "label"?'))
})

class Kettle {
  static readonly token = token<Kettle>('Kettle')
  readonly litres = 1.5
}

test('a class that carries its token stands for it, wherever a plugin names a service', async (t) => {
  const maker = definePlugin({
    name: 'maker',
    provides: [Kettle],
    bind: (module) => module.provide(Kettle, [], () => new Kettle()),
  })
  const user = definePlugin({
    name: 'user',
    provides: [Tea, Milk],
    requires: [Kettle],
    bind(module) {
      module.provide(Tea, [Kettle], (kettle) => ({ from: kettle.litres.toFixed(1) }))
      module.provide(Milk, [optional(Kettle)], (kettle) => ({ from: `${kettle?.litres}` }))
    },
  })
  const assembly = await assembled({ plugins: [user, maker] })
  t.deepEqual([assembly.get(Tea).from, assembly.get(Milk).from], ['1.5', '1.5'])
  t.true(says(await refusal({ plugins: [user] }), 'PLUGIN_REQUIRES', 'Kettle'))
  class Homeless {}
  t.throws(() => untyped({ name: 'x', requires: [Homeless], bind }), { instanceOf: TypeError, message: /"requires\[0\]" is not a token/ })
})

test('swapped needs do not compile', (t) => {
  interface Kettle {
    boil(milk: Named): Named
  }
  const declared = (module: PluginModule, kettle: import('../../src/base/token.ts').Token<Kettle>) => {
    module.provide(Tea, [Milk, kettle], (milk, boiler) => boiler.boil(milk))
    // @ts-expect-error the second need is a kettle, not something named
    module.provide(Tea, [Milk, kettle], (milk: Named, other: Named) => other ?? milk)
    // @ts-expect-error a factory must make what it says
    module.provide(kettle, [Milk], (milk) => milk)
  }
  t.is(typeof declared, 'function')
})

for (const [what, declaration, expected] of [
  ['without a name', { bind }, /"name" must be like a package name/],
  ['with a name that no package could have', { name: 'My Plugin', bind }, /"name" must be like a package name.*"My Plugin"/],
  ['without bind', { name: 'x' }, /"x": "bind" must be a function/],
  ['with a mistyped key', { name: 'x', bind, provide: [Tea] }, /unknown key "provide"\. Did you mean "provides"\?/],
  ['whose options are no schema', { name: 'x', bind, options: { size: 1 } }, /"options" must be a Standard Schema/],
  [
    'with a contribution point under provides',
    { name: 'x', bind, provides: [Biscuit] },
    /Biscuit in "provides" is a contribution point; list it under "contributes"/,
  ],
  [
    'with a service under contributes',
    { name: 'x', bind, contributes: [Tea] },
    /Tea in "contributes" is a service; list it under "provides"/,
  ],
  ['with a contribution point under requires', { name: 'x', bind, requires: [Biscuit] }, /Biscuit in "requires" is a contribution point/],
  ['with an undefined token', { name: 'x', bind, provides: [undefined] }, /"provides\[0\]" is not a token.*circular import/],
  ['that lists a service twice', { name: 'x', bind, provides: [Tea, Tea] }, /lists Tea twice/],
  ['that requires what it provides', { name: 'x', bind, provides: [Tea], requires: [Tea] }, /requires Tea, which it provides itself/],
  ['that depends on itself', { name: 'x', bind, dependsOn: ['x'] }, /depends on itself/],
  ['that is nothing', undefined, /definePlugin takes an object such as/],
  ['with a version that is no string', { name: 'x', bind, version: 1 }, /"version" must be a string/],
] as const) {
  test(`a plugin ${what} is misuse`, (t) => {
    t.throws(() => untyped(declaration), { instanceOf: TypeError, message: expected })
  })
}

for (const [what, expected, declaration] of [
  [
    'provides what it did not declare',
    /"x", provide\(Tea\): not declared\. Add Tea to "provides"/,
    { bind: (m: PluginModule) => m.provide(Tea, [], () => ({ from: 'x' })) },
  ],
  [
    'contributes to what it did not declare',
    /contribute\(Biscuit\): not declared\. Add Biscuit to "contributes"/,
    { bind: (m: PluginModule) => m.contribute(Biscuit, [], () => ({ from: 'x' })) },
  ],
  [
    'binds what it did not declare in the container',
    /container\.bind\(Tea\): not declared/,
    { bind: (m: PluginModule) => m.container.bind(Tea).toConstantValue({ from: 'x' }) },
  ],
  ['unbinds what it did not declare', /container\.unbind\(Tea\): not declared/, { bind: (m: PluginModule) => m.container.unbind(Tea) }],
  ['declares a service and does not provide it', /"x" declares Tea in "provides", but its bind does not/, { provides: [Tea], bind }],
  [
    'declares a contribution and makes none',
    /"x" declares Biscuit in "contributes", but its bind does not/,
    { contributes: [Biscuit], bind },
  ],
  [
    'provides a service twice',
    /provide\(Tea\): the service is provided twice/,
    { provides: [Tea], bind: (m: PluginModule) => [1, 2].map(() => m.provide(Tea, [], () => ({ from: 'x' }))) },
  ],
  [
    'needs a contribution point as if it were one',
    /need it as all\(Biscuit\)/,
    { provides: [Tea], bind: (m: PluginModule) => m.provide(Tea, [Biscuit], (b) => b) },
  ],
  [
    'needs what is no token',
    /need 0 is not a token/,
    { provides: [Tea], bind: (m: PluginModule) => m.provide(Tea, [undefined as never], () => ({ from: 'x' })) },
  ],
] as const) {
  test(`a plugin that ${what} is refused`, async (t) => {
    await t.throwsAsync(assembled({ plugins: [untyped({ name: 'x', ...declaration })] }), { instanceOf: TypeError, message: expected })
  })
}

test('nothing can be bound after bind has ended', async (t) => {
  let kept: PluginModule | undefined
  const late = definePlugin({
    name: 'late',
    bind(module) {
      kept = module
    },
  })
  await assembled({ plugins: [late] })
  t.throws(() => kept?.provide(Tea, [], () => ({ from: 'late' })), { instanceOf: TypeError, message: /bind has ended/ })
})

test('the container takes what the covers cannot say: a contribution made by a class, and private services', async (t) => {
  const Private = Symbol('private')
  class Oat implements Named {
    readonly from: string
    constructor(grain: string) {
      this.from = grain
    }
  }
  const raw = definePlugin({
    name: 'raw',
    provides: [Tea],
    contributes: [Biscuit],
    bind({ container }) {
      container.bind(Private).toConstantValue('oat')
      container.bind(Biscuit).toResolvedValue((grain: string) => new Oat(grain), [Private])
      container.bind(Tea).toDynamicValue((context) => ({ from: `tea with ${context.getAll<Named>(Biscuit)[0]?.from}` }))
    },
  })
  const assembly = await assembled({ plugins: [raw] })
  t.is(assembly.get(Tea).from, 'tea with oat')
  t.true(assembly.getAll(Biscuit)[0] instanceof Oat)
})
