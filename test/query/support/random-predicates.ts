import type { SeededRandom } from '../../../src/base/seeded-random.ts'
import type { Comparison, Literal, PredicateNode } from '../../../src/query/predicate.ts'
import type { ColumnSchema } from '../../../src/schema/table-schema.ts'
import { everyKind, randomValue } from './random-rows.ts'

function randomLiteral(random: SeededRandom, column: ColumnSchema): Literal {
  const value = randomValue(random, { ...column, nullable: false }) as Literal
  if (column.kind === 'timestamp' && random.below(2) === 0) return new Date(value as number)
  if ((column.kind === 'int32' || column.kind === 'timestamp') && random.below(5) === 0) return (value as number) + 0.5
  return value
}

export function randomPredicate(random: SeededRandom, depth = 2): PredicateNode {
  const column = everyKind.columns[random.below(everyKind.columns.length)] as ColumnSchema
  const name = column.name
  const literal = () => randomLiteral(random, column)
  const args = () => Array.from({ length: random.below(4) }, () => randomPredicate(random, depth - 1))
  switch (random.below(depth > 0 ? 9 : 6)) {
    case 0:
    case 1:
      return {
        op: 'compare',
        column: name,
        comparison: (['eq', 'ne', 'lt', 'lte', 'gt', 'gte'] as Comparison[])[random.below(6)] as Comparison,
        value: literal(),
      }
    case 2:
      return { op: 'between', column: name, low: literal(), high: literal() }
    case 3:
      return { op: 'in', column: name, values: Array.from({ length: random.below(4) }, literal) }
    case 4:
      return { op: random.below(2) === 0 ? 'isNull' : 'notNull', column: name }
    case 5: {
      const textual = random.below(2) === 0 ? 'part' : 'text'
      return { op: 'startsWith', column: textual, prefix: ['', 'a', 'ab', 'x'.repeat(33), '\u{1f600}', 'é'][random.below(6)] as string }
    }
    case 6:
      return { op: 'and', args: args() }
    case 7:
      return { op: 'or', args: args() }
    default:
      return { op: 'not', arg: randomPredicate(random, depth - 1) }
  }
}
