/** A merging compaction of two rowsets with changes in memory and on disk, while rows are written: its steps, failures and crashes. */
import test from 'ava'
import type { Table } from '../../src/index.ts'
import { type EventMap, InvariantError } from '../../src/plugin.ts'
import { type MergeRowSetsInput, mergeRowSets } from '../../src/rowset/compaction/merge-rowsets.ts'
import { MemoryVfs, openMemory, SeededRandom } from '../../src/testing/index.ts'
import { filesOf, outcome, small, turns } from '../engine/kit.ts'
import { merge, tabletWatch } from './support/compactions.ts'

type Model = Map<number, string>
type Small = Table<typeof small>

const textsOf = async (table: Small, o: object = {}): Promise<Model> =>
  new Map((await table.scan({ order: 'key', ...o }).toArray()).map(({ id, text }) => [id, text]))

/**
 * Two rowsets of interleaved keys: rows 0 to 39. Row 1 is dead on disk, 2 was brought back to life; 3 is changed on disk, 4 only in
 * memory, 5 in both; 6 died in memory.
 */
async function twoRowSets(vfs: MemoryVfs, o: { retentionMs?: number } = {}) {
  const watch = tabletWatch()
  const db = await openMemory(
    { history: { retentionMs: o.retentionMs ?? 0 }, durability: 'sync', plugins: [watch.plugin], wal: { segmentBytes: 1024 } },
    { vfs },
  )
  db.maintenance.pause()
  const table = await db.createTable(small)
  const model: Model = new Map()
  const set = async (id: number, text: string) => {
    await table.upsert({ id, text })
    model.set(id, text)
  }
  const drop = async (id: number) => {
    await table.delete(id)
    model.delete(id)
  }
  for (const odd of [0, 1]) {
    for (let i = 0; i < 20; i++) await set(2 * i + odd, `first ${2 * i + odd}`)
    await db.flush()
  }
  for (const id of [1, 2]) await drop(id)
  for (const id of [3, 5]) await set(id, `changed ${id}`)
  await db.flush()
  await set(2, 'alive again')
  await db.flush()
  for (const id of [4, 5]) await set(id, `changed in memory ${id}`)
  await drop(6)
  const [tablet] = watch.tablets as [(typeof watch.tablets)[0]]
  return { db, table, tablet, model, set, drop }
}

/** What is written while the job runs: changes, and a new life for rows that it is going to drop. */
async function writeMeanwhile({ set, drop }: Pick<Awaited<ReturnType<typeof twoRowSets>>, 'set' | 'drop'>): Promise<void> {
  await set(7, 'changed meanwhile')
  await set(1, 'alive meanwhile')
  await set(6, 'alive meanwhile')
  await set(6, 'and changed')
  await drop(8)
  await set(100, 'new meanwhile')
}

test('a merge replaces its rowsets by fewer that read the same, with what was written meanwhile', async (t) => {
  const all = await twoRowSets(new MemoryVfs())
  const { db, table, tablet, model } = all
  const before = tablet.disk.rowsets
  t.is(before.length, 2)
  await merge(tablet, before, {
    run: async (input) => {
      const output = await mergeRowSets(input)
      await writeMeanwhile(all)
      return output
    },
  })
  t.is(tablet.disk.rowsets.length, 1)
  t.deepEqual(await textsOf(table), new Map([...model].sort(([a], [b]) => a - b)))
  for (const id of [1, 2, 5, 6, 7, 8, 100]) t.is((await table.get(id))?.text, model.get(id))
  await t.throwsAsync(table.insert({ id: 6, text: 'again' }), { code: 'KEY_EXISTS' })
  await db.close()
})

test('the steps of a merge come in the order that recovery relies on, and its events tell of them', async (t) => {
  const calls: string[] = []
  const vfs = new MemoryVfs({
    onCall: ({ op, path }) => {
      if (['append', 'sync', 'syncDirectory', 'remove'].includes(op)) calls.push(`${op} ${/\.\w+$|MANIFEST|\/db$/.exec(path)?.[0]}`)
    },
  })
  const { db, tablet } = await twoRowSets(vfs, { retentionMs: 60_000 })
  await turns(3)
  const told: string[] = []
  const tell = (what: string) => {
    told.push(what)
    calls.push(what)
  }
  let end: EventMap['compaction:end'] | undefined
  db.events.on('flush:begin', ({ kind }) => tell(`flush:begin ${kind}`))
  db.events.on('flush:end', ({ kind }) => tell(`flush:end ${kind}`))
  db.events.on('compaction:begin', ({ kind, inputs }) => tell(`compaction:begin ${kind} of ${inputs.map((file) => file.kind).sort()}`))
  db.events.on('sstable:created', () => tell('sstable:created'))
  db.events.on('delta:created', () => tell('delta:created'))
  db.events.on('compaction:end', (payload) => {
    tell('compaction:end')
    end = payload
  })
  const inputs = tablet.disk.rowsets.map(({ meta }) => meta.fileNumber)
  calls.length = 0
  await merge(tablet, tablet.disk.rowsets)
  await turns(3)
  const flush = ['flush:begin delta-mem-store', 'delta:created', 'flush:end delta-mem-store']
  t.deepEqual(told, [
    ...flush,
    ...flush,
    'compaction:begin merging of delta,delta,delta,delta,delta,sstable,sstable',
    'sstable:created',
    'delta:created',
    'delta:created',
    'compaction:end',
  ])
  t.deepEqual(
    end?.outputs.map(({ kind, rows }) => [kind, rows]),
    [
      ['sstable', 40],
      ['delta', 6],
      ['delta', 2],
    ],
  )
  t.true(inputs.every((fileNumber) => end?.inputs.some((file) => file.fileNumber === fileNumber)))
  const job = calls.slice(calls.findIndex((call) => call.startsWith('compaction:begin')))
  const at = (call: string, from = 0) => {
    t.true(job.includes(call, from), `${call} in ${job.join(', ')}`)
    return job.indexOf(call, from)
  }
  const synced = job.lastIndexOf('sync .delta')
  const order = [at('append .sst'), at('sync .sst'), synced, at('syncDirectory /db', synced), at('append MANIFEST'), at('sync MANIFEST')]
  order.push(at('compaction:end'), at('remove .sst'))
  t.deepEqual(
    order,
    [...order].sort((a, b) => a - b),
    job.join(', '),
  )
  t.is(filesOf(vfs, '.sst').length, 1)
  t.is(filesOf(vfs, '.delta').length, 2)
  await db.close()
})

test('the files of merged rowsets stay until the last scan that began before has ended', async (t) => {
  const vfs = new MemoryVfs()
  const { db, table, tablet, model } = await twoRowSets(vfs)
  const expected = new Map([...model].sort(([a], [b]) => a - b))
  const scan = table.scan({ order: 'key' })[Symbol.asyncIterator]()
  const first = await scan.next()
  await merge(tablet, tablet.disk.rowsets)
  await turns(3)
  t.is(filesOf(vfs, '.sst').length, 3)
  const seen: Model = new Map()
  for (let step = first; !step.done; step = await scan.next()) seen.set(step.value.id, step.value.text)
  t.deepEqual(seen, expected)
  await turns(3)
  t.is(filesOf(vfs, '.sst').length, 1)
  await db.close()
})

test('a merge that fails before its edit leaves no file and no trace, and the next one succeeds', async (t) => {
  const faults: [op: 'create' | 'append' | 'sync' | 'syncDirectory', path: RegExp, error: 'EIO' | 'ENOSPC'][] = [
    ['create', /\.sst$/, 'EIO'],
    ['append', /\.sst$/, 'ENOSPC'],
    ['sync', /\.sst$/, 'EIO'],
    ['syncDirectory', /db$/, 'EIO'],
    ['append', /MANIFEST/, 'ENOSPC'],
  ]
  for (const [op, path, error] of faults) {
    const vfs = new MemoryVfs()
    const all = await twoRowSets(vfs)
    const { db, table, tablet, model } = all
    await db.flush()
    const files = [...filesOf(vfs, '.sst'), ...filesOf(vfs, '.delta')]
    const { rowsets } = tablet.disk
    const run = async (input: MergeRowSetsInput) => {
      const output = await mergeRowSets(input)
      await writeMeanwhile(all)
      return output
    }
    {
      using _ = vfs.inject({ op, path, error })
      t.not(await outcome(merge(tablet, rowsets, { run })), true, `${op} ${path}`)
    }
    t.deepEqual([...filesOf(vfs, '.sst'), ...filesOf(vfs, '.delta')], files, `${op} ${path}`)
    t.deepEqual(tablet.disk.rowsets, rowsets)
    t.true(await merge(tablet, rowsets, { run }))
    t.deepEqual(await textsOf(table), new Map([...model].sort(([a], [b]) => a - b)))
    await db.close()
    const again = await openMemory({}, { vfs })
    t.deepEqual(await textsOf(again.table(small)), new Map([...model].sort(([a], [b]) => a - b)), `${op} ${path}`)
    await again.close()
  }
})

test('one that fails behind its edit stops writes; reads go on, and reopening finds everything', async (t) => {
  const vfs = new MemoryVfs()
  const all = await twoRowSets(vfs)
  const { db, table, tablet, model } = all
  const install = tablet.installRowSets.bind(tablet)
  tablet.installRowSets = () => {
    throw new InvariantError('as a test wants it')
  }
  const run = async (input: MergeRowSetsInput) => {
    const output = await mergeRowSets(input)
    await writeMeanwhile(all)
    return output
  }
  await t.throwsAsync(merge(tablet, tablet.disk.rowsets, { run }), { message: /as a test wants it/ })
  tablet.installRowSets = install
  const expected = new Map([...model].sort(([a], [b]) => a - b))
  t.is(await outcome(table.insert({ id: 200, text: 'refused' })), 'WRITES_STOPPED')
  t.deepEqual(await textsOf(table), expected)
  await db.close().catch(() => undefined)
  const again = await openMemory({}, { vfs })
  t.deepEqual(await textsOf(again.table(small)), expected)
  await again.close()
})

test('so does a flush of rows that fails behind its edit: another attempt would write them once more', async (t) => {
  const vfs = new MemoryVfs()
  const { db, table, tablet, model, set } = await twoRowSets(vfs)
  await set(300, 'to be flushed')
  tablet.installFlush = () => {
    throw new InvariantError('as a test wants it')
  }
  t.not(await outcome(db.flush()), undefined)
  t.is(await outcome(table.insert({ id: 200, text: 'refused' })), 'WRITES_STOPPED')
  const expected = new Map([...model].sort(([a], [b]) => a - b))
  t.deepEqual(await textsOf(table), expected)
  await db.close().catch(() => undefined)
  const again = await openMemory({}, { vfs })
  t.deepEqual(await textsOf(again.table(small)), expected)
  await again.close()
})

test('and a flush of changes', async (t) => {
  const vfs = new MemoryVfs()
  const { db, table, tablet, model, set } = await twoRowSets(vfs)
  await set(1, 'to be flushed')
  tablet.installChanges = () => {
    throw new InvariantError('as a test wants it')
  }
  t.not(await outcome(db.flush()), undefined)
  t.is(await outcome(table.insert({ id: 200, text: 'refused' })), 'WRITES_STOPPED')
  const expected = new Map([...model].sort(([a], [b]) => a - b))
  t.deepEqual(await textsOf(table), expected)
  await db.close().catch(() => undefined)
  const again = await openMemory({}, { vfs })
  t.deepEqual(await textsOf(again.table(small)), expected)
  await again.close()
})

test('a merge that an urgent flush interrupts is cancelled; while it runs, nobody else works on its rowsets', async (t) => {
  const vfs = new MemoryVfs()
  const { db, table, tablet, model, set } = await twoRowSets(vfs)
  const { rowsets } = tablet.disk
  const [rowset] = rowsets as [(typeof rowsets)[0]]
  const claim = tablet.claims.take('delta compaction', [rowset])
  t.false(await merge(tablet, rowsets))
  claim?.release()
  const merging = merge(tablet, rowsets, {
    run: async (input, signal) => {
      await set(0, 'meanwhile')
      t.is(tablet.freezeChanges(rowset), undefined)
      t.is(tablet.claims.take('flush', [rowset]), undefined)
      tablet.claims.interrupt('flush', rowset)
      return mergeRowSets(input, { signal })
    },
  })
  t.is(await outcome(merging), 'ABORTED')
  t.deepEqual(tablet.disk.rowsets, rowsets)
  t.truthy(tablet.freezeChanges(rowset))
  t.deepEqual(await textsOf(table), new Map([...model].sort(([a], [b]) => a - b)))
  await db.close()
})

test('a crash at any call of a merge loses nothing, whatever was installed', async (t) => {
  t.timeout(60_000)
  let crashed = 0
  for (const mode of ['kill', 'power'] as const) {
    for (let nth = 1; ; nth += 3) {
      const random = new SeededRandom(nth)
      const vfs = new MemoryVfs()
      const all = await twoRowSets(vfs)
      const { tablet, model } = all
      // What the call that crashes was about to write may be there or not.
      const allowed: Model[] = []
      const writes = { set: stepwise(all.set, model, allowed), drop: stepwise(all.drop, model, allowed) }
      allowed.push(new Map(model))
      vfs.crashAtCall(vfs.callCount + nth, { share: random })
      const merging = merge(tablet, tablet.disk.rowsets, {
        run: async (input) => {
          const output = await mergeRowSets(input)
          await writeMeanwhile(writes)
          return output
        },
      })
      const ended = (await outcome(merging)) === true
      await turns(3)
      const left = vfs.crash(mode === 'kill' ? { mode } : { mode, random })
      const again = await openMemory({}, { vfs: left })
      const found = JSON.stringify([...(await textsOf(again.table(small)))])
      const texts = allowed.map((each) => JSON.stringify([...each].sort(([a], [b]) => a - b)))
      t.true(texts.includes(found), `${mode} at call ${nth}: ${found} is none of ${texts.join(' ')}`)
      await again.close()
      if (ended) break
      crashed++
    }
  }
  t.true(crashed > 30, `${crashed} crashes`)
})

/** A write that notes what may be found after a crash: the rows without it until it is acknowledged, and the rows with it. */
function stepwise<A extends unknown[]>(write: (...args: A) => Promise<void>, model: Model, allowed: Model[]) {
  return async (...args: A): Promise<void> => {
    const before = new Map(model)
    const writing = write(...args)
    const [id, text] = args as unknown as [number, string | undefined]
    const after = new Map(before)
    if (text === undefined) after.delete(id)
    else after.set(id, text)
    allowed.splice(0, allowed.length, before, after)
    await writing
    allowed.splice(0, allowed.length, after)
  }
}
