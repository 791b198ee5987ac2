import test from 'ava'
import { GuardedEventBus } from '../../src/events/event-bus.ts'
import type { EventMap } from '../../src/events/event-map.ts'

const created: EventMap['wal:created'] = { fileNumber: 4, path: 'data/000004.wal' }

/** Warnings of listeners while `run` runs and for two turns of the event loop after it. */
async function warnings(run: () => void): Promise<string[]> {
  const texts: string[] = []
  const listener = (warning: Error) => {
    if (warning.name === 'VarveListenerWarning') texts.push(warning.message)
  }
  process.on('warning', listener)
  run()
  await new Promise(setImmediate)
  await new Promise(setImmediate)
  process.off('warning', listener)
  return texts
}

test('listeners hear events in the order in which they subscribed, until disposed', (t) => {
  const bus = new GuardedEventBus()
  const heard: string[] = []
  const first = bus.on('wal:created', ({ path }) => void heard.push(`first ${path}`))
  bus.on('wal:created', () => void heard.push('second'))
  bus.emit('wal:created', created)
  first[Symbol.dispose]()
  first[Symbol.dispose]()
  bus.emit('wal:created', created)
  t.deepEqual(heard, ['first data/000004.wal', 'second', 'second'])
})

test('emitting what nobody listens to does nothing', (t) => {
  t.notThrows(() => new GuardedEventBus().emit('wal:created', created))
})

test('a listener that throws is reported and harms neither the emitter nor later listeners', (t) => {
  const bus = new GuardedEventBus()
  const reports: EventMap['background-error'][] = []
  let heard = 0
  const defect = new Error('defect')
  bus.on('background-error', (report) => void reports.push(report))
  bus.on('wal:created', () => {
    throw defect
  })
  bus.on('wal:created', () => void heard++)
  bus.emit('wal:created', created)
  t.is(heard, 1)
  t.deepEqual(reports, [{ error: defect, context: { event: 'wal:created' } }])
})

test('a rejection with a value that is no error is reported as one', async (t) => {
  const bus = new GuardedEventBus()
  bus.on('wal:created', () => Promise.reject('text'))
  const report = bus.once('background-error')
  bus.emit('wal:created', created)
  t.deepEqual((await report).error, new Error('text'))
})

test('an asynchronous listener that rejects is reported likewise', async (t) => {
  const bus = new GuardedEventBus()
  bus.on('wal:created', async () => {
    throw new Error('late defect')
  })
  const report = bus.once('background-error')
  bus.emit('wal:created', created)
  t.is((await report).error.message, 'late defect')
})

test.serial('a listener of background-error that fails becomes a warning, does not loop, and others still hear', async (t) => {
  const bus = new GuardedEventBus()
  let heard = 0
  bus.on('background-error', () => {
    throw new Error('reporter defect')
  })
  bus.on('background-error', async () => {
    throw new Error('late reporter defect')
  })
  bus.on('background-error', () => void heard++)
  bus.on('wal:created', () => {
    throw new Error('defect')
  })
  const texts = await warnings(() => bus.emit('wal:created', created))
  t.is(heard, 1)
  t.deepEqual(texts, [
    'A listener of the event "background-error" failed: reporter defect',
    'A listener of the event "background-error" failed: late reporter defect',
  ])
})

test.serial('a report that makes another listener fail does not loop', async (t) => {
  const bus = new GuardedEventBus()
  let emitted = 0
  bus.on('background-error', () => {
    emitted++
    bus.emit('wal:created', created)
  })
  bus.on('wal:created', () => {
    throw new Error('defect')
  })
  const texts = await warnings(() => bus.emit('wal:created', created))
  t.is(emitted, 1)
  t.is(texts.length, 1)
})

test.serial('a failing listener is not lost when nobody listens to background-error', async (t) => {
  const bus = new GuardedEventBus()
  bus.on('wal:created', () => {
    throw new Error('defect')
  })
  t.deepEqual(await warnings(() => bus.emit('wal:created', created)), ['A listener of the event "wal:created" failed: defect'])
})

test('who subscribes during an emission hears the next one, not this one', (t) => {
  for (const earlier of [0, 1, 2]) {
    const bus = new GuardedEventBus()
    let heard = 0
    for (let i = 0; i < earlier; i++) bus.on('wal:created', () => undefined)
    const subscribing = bus.on('wal:created', () => {
      bus.on('wal:created', () => void heard++)
      subscribing[Symbol.dispose]()
    })
    bus.emit('wal:created', created)
    t.is(heard, 0, `with ${earlier} listeners before`)
    bus.emit('wal:created', created)
    t.is(heard, 1)
  }
})

test('who is disposed of during an emission, before its turn, does not hear it', (t) => {
  const bus = new GuardedEventBus()
  const heard: string[] = []
  bus.on('wal:created', () => second[Symbol.dispose]())
  const second = bus.on('wal:created', () => void heard.push('second'))
  bus.on('wal:created', () => void heard.push('third'))
  bus.emit('wal:created', created)
  t.deepEqual(heard, ['third'])
})

test('an emission inside an emission reaches everyone, innermost first', (t) => {
  const bus = new GuardedEventBus()
  const heard: number[] = []
  bus.on('wal:created', ({ fileNumber }) => {
    if (fileNumber === 4) bus.emit('wal:created', { ...created, fileNumber: 5 })
  })
  bus.on('wal:created', ({ fileNumber }) => void heard.push(fileNumber))
  bus.emit('wal:created', created)
  t.deepEqual(heard, [5, 4])
})

test('once resolves with the next payload and leaves no listener, on the bus or on the signal', async (t) => {
  const bus = new GuardedEventBus()
  const signal = countingSignal()
  const next = bus.once('wal:created', { signal })
  t.is(bus.listenerCount('wal:created'), 1)
  bus.emit('wal:created', created)
  bus.emit('wal:created', { ...created, fileNumber: 5 })
  t.is((await next).fileNumber, 4)
  t.is(bus.listenerCount('wal:created'), 0)
  t.is(signal.listening, 0)
})

test('once rejects with ABORTED when the signal fires, or has fired, and leaves no listener', async (t) => {
  const bus = new GuardedEventBus()
  const controller = new AbortController()
  const next = bus.once('wal:created', { signal: controller.signal })
  controller.abort(new Error('enough'))
  const error = await t.throwsAsync(next, { code: 'ABORTED' })
  t.like(error, { cause: { message: 'enough' } })
  await t.throwsAsync(bus.once('wal:created', { signal: controller.signal }), { code: 'ABORTED' })
  t.is(bus.listenerCount('wal:created'), 0)
})

test('a listener that is no function is misuse', (t) => {
  t.throws(() => new GuardedEventBus().on('wal:created', undefined as never), { instanceOf: TypeError })
})

/** A signal that counts who listens to it. */
function countingSignal(): AbortSignal & { listening: number } {
  const signal = Object.assign(new AbortController().signal, { listening: 0 })
  const { addEventListener, removeEventListener } = signal
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    signal.listening++
    addEventListener.apply(signal, args)
  }
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    signal.listening--
    removeEventListener.apply(signal, args)
  }
  return signal
}
