import test from 'ava'
import type { ColumnVector } from '../../src/schema/column-vector.ts'
import { BorrowedRooms, takeRoom } from '../../src/sstable/read-rooms.ts'
import type { SSTableReader } from '../../src/sstable/sstable-reader.ts'
import { SSTableWriter } from '../../src/sstable/sstable-writer.ts'
import { MapBlockCache } from './fixtures/map-block-cache.ts'
import { column, emptyVfs, path, reader, rowGroup, tableSchema } from './fixtures/tables.ts'
import { bytesVector, fixedVector, toList } from './fixtures/vectors.ts'

const groups = 6
const rowsPerGroup = 100
const wide = tableSchema([column(1, 'id', 'int32'), column(2, 'note', 'string')], [0])

/** 2,000 characters: a group's notes are 200 KB, and no two blocks differ in size. */
function note(row: number): string {
  return String(row).padStart(2000, 'abcdefghij')
}

function notes(group: number): string[] {
  return Array.from({ length: rowsPerGroup }, (_, i) => note(group * rowsPerGroup + i))
}

/** Whether a vector holds the notes of a group; a test that compared them would print them all. */
function holds(vector: ColumnVector | undefined, group: number): boolean {
  if (vector?.form !== 'bytes' || vector.length !== rowsPerGroup) return false
  return Buffer.from(vector.bytes.buffer, vector.bytes.byteOffset, vector.bytes.length).toString() === notes(group).join('')
}

async function wideTable(cacheBytes: number): Promise<SSTableReader> {
  const vfs = await emptyVfs()
  const writer = new SSTableWriter(await vfs.create(path), { schema: wide, rowsPerGroup })
  for (let group = 0; group < groups; group++) {
    const ids = Array.from({ length: rowsPerGroup }, (_, i) => group * rowsPerGroup + i)
    const rows = { rowCount: rowsPerGroup, columns: [fixedVector('int32', ids), bytesVector(notes(group))] }
    await writer.addGroup(rowGroup(wide, rows))
  }
  await writer.finish()
  const table = reader(vfs, { schema: wide, cache: new MapBlockCache(cacheBytes) })
  await table.open()
  return table
}

function roomOf(vector: ColumnVector | undefined): ArrayBufferLike | undefined {
  return vector?.form === 'bytes' ? vector.bytes.buffer : undefined
}

/** So that a test meets no rooms but its own. */
function emptyRooms(): void {
  for (let bytes = 1024; bytes < 2 ** 22; bytes = Math.floor(bytes * 1.1)) while (takeRoom(bytes) !== undefined);
}

test.beforeEach(emptyRooms)

test.serial('what a look-up gives back is read into again, by loads that wait and by those that block', async (t) => {
  const table = await wideTable(0)
  const known = new Set<ArrayBufferLike | undefined>()
  for (let group = 0; group < groups; group++) {
    const rooms = new BorrowedRooms()
    const [ids, text] = group % 2 === 0 ? await table.loadColumns(group, [0, 1], rooms) : table.loadColumnsSync(group, [0, 1], rooms)
    t.true(holds(text, group))
    t.is(toList(ids as ColumnVector)[0], group * rowsPerGroup)
    known.add(roomOf(text))
    rooms.giveBack()
  }
  t.is(known.size, 1)
})

test.serial('nothing is read into what was not given back', async (t) => {
  const table = await wideTable(0)
  const loaded: (ColumnVector | undefined)[] = []
  for (let group = 0; group < groups; group++) loaded.push((await table.loadColumns(group, [1], new BorrowedRooms()))[0])
  loaded.forEach((text, group) => {
    t.true(holds(text, group))
  })
})

test.serial('what the cache kept is not given back, nor what it had', async (t) => {
  const table = await wideTable(Number.POSITIVE_INFINITY)
  for (let round = 0; round < 2; round++) {
    const rooms = new BorrowedRooms()
    for (let group = 0; group < groups; group++) await table.loadColumns(group, [1], rooms)
    rooms.giveBack()
  }
  t.is(takeRoom(200_000), undefined)
  for (let group = 0; group < groups; group++) t.true(holds(table.column(group, 1), group))
})

test.serial('a block that others wait for too is not given back, whoever began', async (t) => {
  const table = await wideTable(0)
  for (const borrowersFirst of [true, false]) {
    const rooms = new BorrowedRooms()
    const borrow = () => table.loadColumns(2, [1], rooms)
    const keep = () => table.loadColumns(2, [1])
    const [first, second] = borrowersFirst ? [borrow(), keep()] : [keep(), borrow()]
    const [kept] = await (borrowersFirst ? second : first)
    await Promise.all([first, second])
    rooms.giveBack()
    const others = new BorrowedRooms()
    for (let group = 3; group < groups; group++) await table.loadColumns(group, [1], others)
    t.true(holds(kept, 2))
  }
})

test.serial('a room is given back once, and belongs to one block at a time', async (t) => {
  const table = await wideTable(0)
  const first = new BorrowedRooms()
  await table.loadColumns(0, [1], first)
  first.giveBack()
  first.giveBack()
  const second = new BorrowedRooms()
  const [a] = await table.loadColumns(1, [1], second)
  const [b] = await table.loadColumns(2, [1], second)
  t.not(roomOf(a), roomOf(b))
  t.true(holds(a, 1))
})

test.serial('rooms that wait take two MiB at most; a block takes one no larger than it needs, but for an eighth', (t) => {
  const rooms = new BorrowedRooms()
  for (let i = 0; i < 40; i++) rooms.add(new ArrayBuffer(100 * 1024))
  rooms.add(new ArrayBuffer(3 * 1024 * 1024))
  rooms.giveBack()
  t.is(takeRoom(101 * 1024), undefined)
  t.is(takeRoom(50 * 1024), undefined)
  t.is(takeRoom(3 * 1024 * 1024), undefined)
  let taken = 0
  while (takeRoom(95 * 1024) !== undefined) taken++
  t.is(taken, 20)
})
