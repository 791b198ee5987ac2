import test from 'ava'
import { bucket, first, last } from '../../src/query/aggregate.ts'
import { planAggregate } from '../../src/query/aggregate-plan.ts'
import { inList } from '../../src/query/predicate.ts'
import { int32 } from '../../src/schema/columns.ts'
import { defineTable, schemaFromDefinition } from '../../src/schema/table-definition.ts'

test('what users of JavaScript get wrong in an aggregate, a bucket or a list is told with what to do', (t) => {
  const wrong: [() => unknown, RegExp][] = [
    [() => bucket('at', '1d', { timezone: 'UTC' } as never), /bucket has no option "timezone".*Did you mean "timeZone"/],
    [() => bucket('at', '1d', null as never), /options of bucket are an object; got null/],
    [() => first('value', { By: 'at' } as never), /first has no option "By"/],
    [() => last('value', 'at' as never), /options of last are an object; got at/],
    [() => inList('status', 'up' as never), /inList takes an array of values.*got "up"/],
    [() => inList('status', 5 as never), /inList takes an array of values.*got 5/],
    [() => inList('status', undefined as never), /inList takes an array of values.*got undefined/],
  ]
  for (const [make, message] of wrong) t.throws(make, { instanceOf: TypeError, message })
})

test('first and last without the column that puts rows in order are refused by the table that they are asked of', (t) => {
  const schema = schemaFromDefinition(defineTable('x', { columns: { a: int32() }, primaryKey: ['a'] }), { tableId: 1 })
  for (const make of [first, last])
    t.throws(() => planAggregate(schema, { select: { value: make('a', undefined as never) } }), {
      instanceOf: TypeError,
      message: /needs the column that puts rows in order/,
    })
})
