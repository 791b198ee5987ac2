import type { ColumnSchema } from '../schema/table-schema.ts'
import { BucketIds } from './bucket-ids.ts'
import type { BucketRule } from './bucket-rule.ts'
import { BytesIds } from './bytes-ids.ts'
import type { ColumnIds } from './column-ids.ts'
import { NumberIds } from './number-ids.ts'

/** Numbers the values of a column, or of the buckets that they fall into. */
export function makeColumnIds(column: ColumnSchema, bucket: BucketRule | undefined): ColumnIds {
  if (bucket) return new BucketIds(bucket)
  if (column.kind === 'string' || column.kind === 'binary') return new BytesIds(column)
  return new NumberIds(column)
}
