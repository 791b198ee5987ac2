import test from 'ava'
import { hostService } from '../../src/kernel/assembly.ts'
import { definePlugin } from '../../src/kernel/define-plugin.ts'
import { Lifecycle } from '../../src/kernel/lifecycle.ts'
import { assembled, Biscuit, Cup, Milk, provider, recorder, Tea } from './support.ts'

test('lifecycles are configured and started in dependency order and stopped exactly backwards', async (t) => {
  const journal: string[] = []
  const assembly = await assembled({
    plugins: [recorder('c', journal, { dependsOn: ['b'] }), recorder('b', journal, { dependsOn: ['a'] }), recorder('a', journal)],
  })
  assembly.configure({})
  await assembly.start()
  await assembly.stop()
  t.deepEqual(journal, ['configure a', 'configure b', 'configure c', 'start a', 'start b', 'start c', 'stop c', 'stop b', 'stop a'])
})

test('a need of a factory orders lifecycles, too', async (t) => {
  const journal: string[] = []
  const user = definePlugin({
    name: 'user',
    contributes: [Lifecycle],
    bind: (module) => module.contribute(Lifecycle, [Tea], (tea) => ({ start: () => void journal.push(`user of ${tea.from}`) })),
  })
  const maker = definePlugin({
    name: 'maker',
    provides: [Tea],
    contributes: [Lifecycle],
    bind(module) {
      module.contribute(Lifecycle, [], () => ({ start: () => void journal.push('maker') }))
      module.provide(Tea, [], () => ({ from: 'maker' }))
    },
  })
  await (await assembled({ plugins: [user, maker] })).start()
  t.deepEqual(journal, ['maker', 'user of maker'])
})

test('lifecycles may change the options that the engine opens with', async (t) => {
  interface Options {
    directory: string
  }
  const mover = definePlugin({
    name: 'mover',
    contributes: [Lifecycle],
    bind: (module) =>
      module.contribute(
        Lifecycle,
        [],
        (): Lifecycle<Options> => ({ configure: (options) => void Object.assign(options, { directory: 'data/moved' }) }),
      ),
  })
  const options: Options = { directory: 'data' }
  ;(await assembled({ plugins: [mover] })).configure(options)
  t.is(options.directory, 'data/moved')
})

test('a start that fails stops what was started, backwards, and nothing else', async (t) => {
  const journal: string[] = []
  const assembly = await assembled({
    plugins: [recorder('a', journal), recorder('b', journal), recorder('bad', journal, { fails: 'start' }), recorder('d', journal)],
  })
  await t.throwsAsync(assembly.start(), { message: 'Plugin "bad" failed to start: bad cannot start' })
  t.deepEqual(journal, ['start a', 'start b', 'stop b', 'stop a'])
  await assembly.stop()
  t.is(journal.length, 4)
})

test('a stop that fails does not keep others from stopping; its error names the plugin', async (t) => {
  const journal: string[] = []
  const assembly = await assembled({
    plugins: [recorder('a', journal), recorder('bad', journal, { fails: 'stop' }), recorder('c', journal)],
  })
  await assembly.start()
  await t.throwsAsync(assembly.stop(), { message: 'Plugin "bad" failed to stop: bad cannot stop' })
  t.deepEqual(journal.slice(3), ['stop c', 'stop a'])
})

test('several errors at stop are all in one AggregateError', async (t) => {
  const assembly = await assembled({ plugins: [recorder('bad', [], { fails: 'stop' }), recorder('worse', [], { fails: 'stop' })] })
  await assembly.start()
  const error = await t.throwsAsync<AggregateError>(assembly.stop(), { instanceOf: AggregateError })
  t.deepEqual(
    error?.errors.map((each: Error) => each.message),
    ['Plugin "worse" failed to stop: worse cannot stop', 'Plugin "bad" failed to stop: bad cannot stop'],
  )
})

test('stopping twice stops once', async (t) => {
  const journal: string[] = []
  const assembly = await assembled({ plugins: [recorder('a', journal)] })
  await assembly.start()
  await Promise.all([assembly.stop(), assembly.stop()])
  t.deepEqual(journal, ['start a', 'stop a'])
})

test('services are closed after the lifecycles and after their users, in any of the ways they can be', async (t) => {
  const journal: string[] = []
  const close = (name: string) => () => void journal.push(`close ${name}`)
  const maker = definePlugin({
    name: 'maker',
    provides: [Cup, Milk, Tea],
    contributes: [Biscuit, Lifecycle],
    bind(module) {
      module.provide(Cup, [Milk], () => ({ from: 'cup' }), { stop: close('cup') })
      module.contribute(Lifecycle, [Cup], () => ({ stop: () => void journal.push('stop lifecycle') }))
      module.provide(Milk, [Tea], () => ({ from: 'milk', [Symbol.asyncDispose]: async () => close('milk')() }))
      module.provide(Tea, [], () => ({ from: 'tea', close: close('tea') }))
      module.contribute(Biscuit, [], () => ({ from: 'kept', close: close('kept') }), { stop: false })
    },
  })
  const assembly = await assembled({ plugins: [maker] })
  await assembly.start()
  await assembly.stop()
  t.deepEqual(journal, ['stop lifecycle', 'close cup', 'close milk', 'close tea'])
})

test('services are closed though nothing was ever started', async (t) => {
  let closed = 0
  const assembly = await assembled({
    plugins: [
      definePlugin({ name: 'a', provides: [Tea], bind: (m) => m.provide(Tea, [], () => ({ from: 'a', close: () => void closed++ })) }),
    ],
  })
  await assembly.stop()
  t.is(closed, 1)
})

test("the host's values are not closed, even where a plugin passes one on", async (t) => {
  let closed = 0
  const value = { from: 'host', close: () => void closed++ }
  const passer = definePlugin({ name: 'passer', provides: [Milk], bind: (m) => m.provide(Milk, [Tea], (tea) => tea) })
  const assembly = await assembled({ host: [hostService(Tea, value)], plugins: [passer] })
  t.is(assembly.get(Milk), value)
  await assembly.stop()
  t.is(closed, 0)
})

test('an instance bound twice is closed once, after the users of its first name', async (t) => {
  const journal: string[] = []
  const twice = definePlugin({
    name: 'twice',
    provides: [Tea, Cup, Milk],
    bind(module) {
      module.provide(Tea, [], () => ({ from: 'tea', close: () => void journal.push('tea') }))
      module.provide(Cup, [Tea], () => ({ from: 'cup', close: () => void journal.push('cup') }))
      module.provide(Milk, [Tea, Cup], (tea) => tea)
    },
  })
  await (await assembled({ plugins: [twice] })).stop()
  t.deepEqual(journal, ['cup', 'tea'])
})

test("what was bound through the container ends by inversify's own deactivation, in its turn", async (t) => {
  const journal: string[] = []
  const raw = definePlugin({
    name: 'raw',
    provides: [Tea],
    bind({ container }) {
      container
        .bind(Tea)
        .toDynamicValue(() => ({ from: 'raw' }))
        .inSingletonScope()
        .onDeactivation(() => void journal.push('raw'))
    },
  })
  const user = definePlugin({
    name: 'user',
    provides: [Cup],
    requires: [Tea],
    bind: (m) => m.provide(Cup, [Tea], () => ({ from: 'cup' }), { stop: () => void journal.push('cup') }),
  })
  await (await assembled({ plugins: [raw, user, provider('cow', Milk)] })).stop()
  t.deepEqual(journal, ['cup', 'raw'])
})

test('an assembly is configured before it starts and does not start again', async (t) => {
  const assembly = await assembled({})
  await assembly.start()
  t.throws(() => assembly.configure({}), { name: 'InvariantError' })
  await assembly.stop()
  await t.throwsAsync(assembly.start(), { name: 'InvariantError' })
})

test('a stop that comes while starting waits for the start, then undoes it', async (t) => {
  const journal: string[] = []
  const slow = definePlugin({
    name: 'slow',
    contributes: [Lifecycle],
    bind: (module) =>
      module.contribute(Lifecycle, [], () => ({
        async start() {
          await new Promise(setImmediate)
          journal.push('started')
        },
        stop: () => void journal.push('stopped'),
      })),
  })
  const assembly = await assembled({ plugins: [slow] })
  await Promise.all([assembly.start(), assembly.stop()])
  t.deepEqual(journal, ['started', 'stopped'])
})
