import test from 'ava'
import type { Clock as ClockType } from '../../src/base/clock.ts'
import { Clock } from '../../src/base/clock.ts'
import { hostService } from '../../src/kernel/assembly.ts'
import { renderBootTree } from '../../src/kernel/boot-tree.ts'
import { definePlugin } from '../../src/kernel/define-plugin.ts'
import { Lifecycle } from '../../src/kernel/lifecycle.ts'
import { assembled, Cup, Milk, provider, Tea } from './support.ts'

/** A clock that stands still unless told: what a step takes is what the step says. */
class ManualClock implements ClockType {
  now = 0
  nowMs = () => this.now
  monotonicMs = () => this.now
  after(): never {
    throw new Error('not used')
  }
  sleep(): never {
    throw new Error('not used')
  }
}

test('the tree tells who provides what, who was replaced or disabled, and what each took, in starting order', async (t) => {
  const clock = new ManualClock()
  const spend = <T>(ms: number, then?: T) => {
    clock.now += ms
    return then as T
  }
  const ceylon = definePlugin({
    name: 'ceylon',
    version: '1.2.0',
    provides: [Tea],
    contributes: [Lifecycle],
    requires: [Milk],
    bind(module) {
      spend(1)
      module.provide(Tea, [], () => spend(2, { from: 'ceylon' }))
      module.contribute(Lifecycle, [Cup], () => ({ start: () => spend(4) }))
    },
  })
  const assembly = await assembled({
    host: [hostService(Clock, clock), hostService(Milk, { from: 'host' })],
    defaults: [provider('assam', Tea), provider('goat', Milk), provider('cup', Cup)],
    plugins: [ceylon, provider('oat', Milk)],
    disable: ['goat'],
  })
  await assembly.start()
  t.deepEqual(
    assembly.plugins.plugins.map(({ name, origin }) => [name, origin]),
    [
      ['cup', 'default'],
      ['oat', 'object'],
      ['ceylon', 'object'],
    ],
  )
  const [, , node] = assembly.plugins.plugins
  t.like(node, { version: '1.2.0', replaces: { Tea: 'assam' }, loadMs: 1, makeMs: 2, startMs: 4 })
  t.deepEqual(
    assembly.plugins.leftOut.map(({ name, reason, by }) => [name, reason, by]),
    [
      ['assam', 'replaced', ['ceylon']],
      ['goat', 'disabled', []],
    ],
  )
  t.is(
    renderBootTree(assembly.plugins),
    [
      '├─ host',
      '│  └─ provides Clock, Milk (replaced by oat)',
      '├─ cup (default) 0.0 ms',
      '│  └─ provides Cup',
      '├─ oat (object) 0.0 ms',
      '│  └─ provides Milk (replaces host)',
      '├─ ceylon 1.2.0 (object) 7.0 ms',
      '│  ├─ provides Tea (replaces assam)',
      '│  ├─ contributes Lifecycle',
      '│  └─ requires Milk',
      '├─ assam (default)',
      '│  ├─ left out: replaced by ceylon',
      '│  └─ would provide Tea',
      '└─ goat (default)',
      '   ├─ left out: disabled by "disable"',
      '   └─ would provide Milk',
    ].join('\n'),
  )
})

test('the tree is plain data', async (t) => {
  const { plugins } = await assembled({ defaults: [provider('assam', Tea)], plugins: [provider('ceylon', Tea)] })
  t.deepEqual(JSON.parse(JSON.stringify(plugins)).plugins[0].provides, [{ service: 'Tea' }])
})
