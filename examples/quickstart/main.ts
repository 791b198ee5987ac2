import { avg, count, defineTable, double, gte, open, string, timestamp } from 'varve'

const readings = defineTable('readings', {
  columns: { sensor: string(), at: timestamp(), celsius: double() },
  primaryKey: ['sensor', 'at'],
})

const db = await open('./data')
const table = await db.createTable(readings, { ifNotExists: true })
const at = Date.now()
await table.insert([
  { sensor: 'attic', at, celsius: 31.5 },
  { sensor: 'cellar', at, celsius: 12.25 },
  { sensor: 'cellar', at: at + 1, celsius: 12.75 },
])

console.log(await table.get({ sensor: 'attic', at }))
for await (const { celsius } of table.scan({ prefix: { sensor: 'cellar' }, where: gte('at', at) })) console.log(celsius)
console.table(await table.aggregate({ groupBy: ['sensor'], select: { readings: count(), mean: avg('celsius') }, orderBy: 'sensor' }))
await db.close()
