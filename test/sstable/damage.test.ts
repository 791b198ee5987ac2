import test from 'ava'
import { crc32 } from '../../src/base/crc32.ts'
import { VarveError } from '../../src/base/errors.ts'
import { SeededRandom } from '../../src/base/seeded-random.ts'
import { deflateCodec } from '../../src/sstable/codec.ts'
import { inspectSSTable } from '../../src/sstable/inspect.ts'
import type { MemoryVfs } from '../../src/vfs/memory-vfs.ts'
import { emptyVfs, path, problemsOf, readAll, reader, writeReadings } from './fixtures/tables.ts'

const seed = Number(process.env['VARVE_TEST_SEED'] ?? Date.now())

/** Reading everything must fail with CORRUPTION that names the file; a damaged file read without complaint is the worst outcome. */
async function findsDamage(vfs: MemoryVfs): Promise<string | undefined> {
  try {
    await readAll(reader(vfs))
  } catch (error) {
    if (
      error instanceof VarveError &&
      error.code === 'CORRUPTION' &&
      error.context['path'] === path &&
      typeof error.context['offset'] === 'number'
    )
      return undefined
    return `failed with ${String(error)}`
  }
  return 'was read without complaint'
}

async function bytesOf(vfs: MemoryVfs): Promise<Uint8Array> {
  return vfs.snapshot().get(path) as Uint8Array
}

test('every single flipped byte of a small file is found on read', async (t) => {
  for (const options of [{}, { codec: deflateCodec }]) {
    const vfs = await emptyVfs()
    await writeReadings(vfs, 40, options)
    t.truthy(await readAll(reader(vfs)))
    const size = (await bytesOf(vfs)).length
    for (let offset = 0; offset < size; offset++) {
      const xor = 1 << (offset % 8)
      vfs.mutate(path, offset, xor)
      const outcome = await findsDamage(vfs)
      if (outcome !== undefined) t.fail(`byte ${offset} of ${size} ${outcome}`)
      vfs.mutate(path, offset, xor)
    }
    t.truthy(await readAll(reader(vfs)), 'all flips were undone')
  }
})

test('flipped bytes in each region of a larger file are found on read, and verify names the block', async (t) => {
  t.log(`seed ${seed}`)
  const random = new SeededRandom(seed)
  const vfs = await emptyVfs()
  await writeReadings(vfs, 9000)
  const { columns, sizeBytes } = await inspectSSTable(vfs, path)
  const blocks = columns.flatMap((column) => column.blocks)
  for (const block of blocks) {
    const offset = block.offset + random.below(block.sizeBytes)
    const xor = 1 + random.below(255)
    vfs.mutate(path, offset, xor)
    t.is(await findsDamage(vfs), undefined, `byte ${offset}`)
    const problems = await problemsOf(reader(vfs))
    t.is(problems.length, 1)
    t.like(problems[0], { path, offset: block.offset })
    vfs.mutate(path, offset, xor)
  }
  for (let round = 0; round < 40; round++) {
    const offset = random.below(sizeBytes)
    const xor = 1 + random.below(255)
    vfs.mutate(path, offset, xor)
    t.is(await findsDamage(vfs), undefined, `byte ${offset}`)
    vfs.mutate(path, offset, xor)
  }
  t.deepEqual(await problemsOf(reader(vfs)), [])
})

test('writing the same rows twice gives the same bytes', async (t) => {
  const one = await emptyVfs()
  const two = await emptyVfs()
  await writeReadings(one, 9000)
  await writeReadings(two, 9000)
  t.deepEqual(await bytesOf(one), await bytesOf(two))
})

test('a truncated file is found, wherever it was cut', async (t) => {
  const whole = await emptyVfs()
  await writeReadings(whole, 300)
  const size = (await bytesOf(whole)).length
  for (let length = 0; length < size; length += length < 64 || length > size - 64 ? 1 : 37) {
    const vfs = whole.clone()
    vfs.truncateTo(path, length)
    const outcome = await findsDamage(vfs)
    if (outcome !== undefined) t.fail(`cut to ${length} of ${size}: ${outcome}`)
  }
  t.pass()
})

test('bytes added to the end are found', async (t) => {
  for (const extra of [1, 8, 32]) {
    const vfs = await emptyVfs()
    await writeReadings(vfs, 300)
    const file = await vfs.openAppend(path)
    await file.append(new Uint8Array(extra))
    t.is(await findsDamage(vfs), undefined)
  }
})

test('blocks that changed places are found, though each is whole', async (t) => {
  const vfs = await emptyVfs()
  await writeReadings(vfs, 16384)
  const { columns } = await inspectSSTable(vfs, path)
  const blocks = columns[2]?.blocks ?? []
  const [first, second] = [blocks[0], blocks[1]]
  if (first === undefined || second === undefined || first.sizeBytes !== second.sizeBytes)
    return t.fail('the two blocks must be of one size')
  const bytes = await bytesOf(vfs)
  for (let i = 0; i < first.sizeBytes; i++) {
    const xor = (bytes[first.offset + i] as number) ^ (bytes[second.offset + i] as number)
    if (xor === 0) continue
    vfs.mutate(path, first.offset + i, xor)
    vfs.mutate(path, second.offset + i, xor)
  }
  t.is(await findsDamage(vfs), undefined)
})

test('a later format version is FORMAT_UNSUPPORTED, another file is no SSTable', async (t) => {
  const vfs = await emptyVfs()
  await writeReadings(vfs, 10)
  const header = (await bytesOf(vfs)).slice(0, 16)
  const later = header.slice()
  later[8] = 2
  new DataView(later.buffer).setUint32(12, crc32(later.subarray(0, 12)), true)
  header.forEach((byte, i) => {
    if (byte !== later[i]) vfs.mutate(path, i, byte ^ (later[i] as number))
  })
  await t.throwsAsync(reader(vfs).open(), { code: 'FORMAT_UNSUPPORTED', message: /format 2/ })
  t.throws(() => reader(vfs).openSync(), { code: 'FORMAT_UNSUPPORTED' })
  const other = await emptyVfs()
  const file = await other.create(path)
  await file.append(new TextEncoder().encode('col1,col2\n1,2\n'.repeat(100)))
  await t.throwsAsync(reader(other).open(), { code: 'CORRUPTION', message: /not an SSTable/ })
})

test('verification reads past the cache, and goes on after a damaged block', async (t) => {
  const vfs = await emptyVfs()
  await writeReadings(vfs, 9000)
  const table = reader(vfs)
  await readAll(table)
  const { columns } = await inspectSSTable(vfs, path)
  for (const index of [3, 8]) vfs.mutate(path, (columns[index]?.blocks[1]?.offset as number) + 30, 4)
  t.truthy(await readAll(table), 'what is in the cache was checked when it was read')
  const problems = await problemsOf(table)
  t.deepEqual(
    problems.map(({ block }) => block),
    [12, 17],
  )
})

test('a failing read is reported as it is, and the next one may succeed', async (t) => {
  const vfs = await emptyVfs()
  await writeReadings(vfs, 10)
  const table = reader(vfs)
  await table.open()
  using fault = vfs.inject({ op: 'read', error: 'EIO', nth: 1, times: 2 })
  t.truthy(fault)
  const outcomes = await Promise.allSettled([table.loadColumns(0, [0, 1]), table.loadColumn(0, 1), table.loadFilter()])
  t.deepEqual(
    outcomes.map(({ status }) => status),
    ['rejected', 'rejected', 'rejected'],
  )
  t.is((await table.loadColumns(0, [0, 1])).length, 2)
  t.truthy(await table.loadFilter())
})
