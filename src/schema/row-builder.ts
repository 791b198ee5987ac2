import { compileFunction, quoted } from './code-generation.ts'
import type { DecodedRow } from './row-decoder.ts'
import type { ColumnValue } from './table-schema.ts'

/** Makes rows of values given in the order of `names`. Compiles code: keep it. */
export function rowBuilder(names: readonly string[]): (values: readonly ColumnValue[]) => DecodedRow {
  const properties = names.map((name, i) => `[${quoted(name)}]: values[${i}]`)
  const compiled = compileFunction(['values'], `return { ${properties.join(', ')} }`)
  if (compiled) return compiled as (values: readonly ColumnValue[]) => DecodedRow
  return (values) => Object.fromEntries(names.map((name, i) => [name, values[i] as ColumnValue]))
}
