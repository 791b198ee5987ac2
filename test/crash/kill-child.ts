/** Inserts batches into a database on disk and prints the number of each that was acknowledged, until it is killed. */
import fs from 'node:fs'
import { fileURLToPath } from 'node:url'
import { SeededRandom } from '../../src/base/seeded-random.ts'
import { defineTable, hashPartition, int32, open, string } from '../../src/index.ts'

export const killed = defineTable('killed', {
  columns: { batch: int32(), i: int32(), size: int32(), text: string() },
  primaryKey: ['batch', 'i'],
  partitionBy: hashPartition(['i'], 2),
})

/** Row `i` of a batch; everything about it follows from the two numbers. */
export function inserted(batch: number, i: number): { batch: number; i: number; size: number; text: string } {
  const size = batch % 37 === 0 ? 6000 : 1 + ((batch * 7919) % 60)
  return { batch, i, size, text: `row ${i} of ${batch}` }
}

/** Writes at once: what the parent reads was acknowledged before the kill. With a full pipe it goes unsaid, which asks less of the test. */
function print(what: number | string): void {
  try {
    fs.writeSync(1, `${what}\n`)
  } catch (error) {
    if ((error as { code?: string }).code !== 'EAGAIN') throw error
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [directory = '', seed = '1'] = process.argv.slice(2)
  const random = new SeededRandom(Number(seed))
  const db = await open({
    directory,
    wal: { segmentBytes: '256KiB' },
    maintenance: { threads: 1 },
    plugins: [['flush', { threshold: random.below(2) === 0 ? '1MiB' : '32MiB' }]],
  })
  db.events.on('flush:begin', () => print('flush:begin'))
  db.events.on('flush:end', () => print('flush:end'))
  const table = await db.createTable(killed, { ifNotExists: true })
  let batch = 0
  for await (const row of table.scan({ columns: ['batch'] })) batch = Math.max(batch, row.batch)
  for (;;) {
    const writes: Promise<unknown>[] = []
    for (let left = 1 + random.below(8); left > 0; left--) {
      const number = ++batch
      const rows = Array.from({ length: inserted(number, 0).size }, (_, i) => inserted(number, i))
      const durability = random.below(4) === 0 ? 'sync' : 'write'
      writes.push(table.insert(rows, { durability }).then(() => print(number)))
    }
    if (random.below(4) === 0) void db.flush()
    await Promise.all(writes)
    // Gives worker and parent a share of the processor, and the parent less to read.
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
