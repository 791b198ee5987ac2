import type { StandardSchemaV1 } from '@standard-schema/spec'

/** Options stated one by one: `{ capacity: byteSize().default(…) }`. Each value is a Standard Schema of any library. */
export type OptionRecord = { readonly [option: string]: StandardSchemaV1 }

type Flat<T> = { [K in keyof T]: T[K] } & {}
type OmittableKey<R extends OptionRecord> = { [K in keyof R]: undefined extends StandardSchemaV1.InferInput<R[K]> ? K : never }[keyof R]

/** What a record of options makes of them. */
export type RecordOutput<R extends OptionRecord> = { [K in keyof R]: StandardSchemaV1.InferOutput<R[K]> }

/** What may be given; an option with a default may be left out. */
export type RecordInput<R extends OptionRecord> = Flat<
  { [K in Exclude<keyof R, OmittableKey<R>>]: StandardSchemaV1.InferInput<R[K]> } & {
    [K in OmittableKey<R>]?: StandardSchemaV1.InferInput<R[K]>
  }
>

/** One Standard Schema for a record of them. It names its keys, so that an unknown one is found whatever the libraries. */
export function recordSchema(record: OptionRecord): StandardSchemaV1 {
  const properties = Object.fromEntries(Object.keys(record).map((option) => [option, {}]))
  const standard = {
    version: 1 as const,
    vendor: 'varve',
    validate: (given: unknown) => validate(record, given as Readonly<Record<string, unknown>>),
    jsonSchema: { input: () => ({ type: 'object', properties, additionalProperties: false }) },
  }
  return { '~standard': standard }
}

async function validate(record: OptionRecord, given: Readonly<Record<string, unknown>>): Promise<StandardSchemaV1.Result<unknown>> {
  const value: Record<string, unknown> = {}
  const issues: StandardSchemaV1.Issue[] = []
  for (const [option, schema] of Object.entries(record)) {
    const result = await schema['~standard'].validate(given[option])
    if (result.issues === undefined) value[option] = result.value
    else issues.push(...result.issues.map(({ message, path = [] }) => ({ message, path: [option, ...path] })))
  }
  return issues.length === 0 ? { value } : { issues }
}
