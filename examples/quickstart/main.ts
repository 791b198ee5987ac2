import { avg, count, defineTable, double, gte, open, string, timestamp } from 'varve'

const readings = defineTable('readings', {
  columns: { sensor: string(), at: timestamp(), celsius: double() },
  primaryKey: ['sensor', 'at'],
})

const db = await open('./data')
const table = await db.createTable(readings, { ifNotExists: true })
const at = Date.now()
await table.insert({ sensor: 'attic', at, celsius: 31.5 })
await table.upsert({ sensor: 'cellar', at, celsius: 12.25 })
const before = db.snapshot()
await table.update({ sensor: 'attic', at, celsius: 30.5 })
const batch = db.batch().insert(table, { sensor: 'cellar', at: at + 1, celsius: 12.75 })
await batch.delete(table, { sensor: 'cellar', at }).commit()
console.log(await table.get({ sensor: 'attic', at }), 'was', await table.get({ sensor: 'attic', at }, { snapshot: before }))
for await (const { celsius } of table.scan({ prefix: { sensor: 'cellar' }, where: gte('at', at) })) console.log(celsius)
console.table(await table.aggregate({ groupBy: ['sensor'], select: { readings: count(), mean: avg('celsius') }, orderBy: 'sensor' }))
await db.close()
