import test from 'ava'
import fc from 'fast-check'
import { type Sleeper, WakeHeap } from '../../src/maintenance/wake-heap.ts'

const step = fc.oneof(
  fc.record({ do: fc.constant('set' as const), who: fc.nat(15), atMs: fc.nat(50) }),
  fc.record({ do: fc.constant('remove' as const), who: fc.nat(15), atMs: fc.constant(0) }),
  fc.record({ do: fc.constant('pop' as const), who: fc.constant(0), atMs: fc.nat(50) }),
)

test('under random use the heap wakes whoever a plain search would wake', (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const heap = new WakeHeap<Sleeper>()
      const sleepers: Sleeper[] = Array.from({ length: 16 }, () => ({ wakeAtMs: 0, wakeIndex: -1 }))
      const model = new Map<Sleeper, number>()
      for (const { do: what, who, atMs } of steps) {
        const sleeper = sleepers[who] as Sleeper
        if (what === 'set') {
          heap.set(sleeper, atMs)
          model.set(sleeper, atMs)
        } else if (what === 'remove') {
          heap.remove(sleeper)
          model.delete(sleeper)
        } else {
          const due = [...model.values()].filter((each) => each <= atMs)
          const popped = heap.pop(atMs)
          if (due.length === 0 ? popped !== undefined : popped === undefined || model.get(popped) !== Math.min(...due)) return false
          if (popped) model.delete(popped)
        }
        if (heap.count !== model.size) return false
      }
      return true
    }),
    { numRuns: 500 },
  )
  t.pass()
})
