import type { StandardSchemaV1 } from '@standard-schema/spec'
import { VarveError } from '../base/errors.ts'
import { didYouMean, nearestName } from '../base/suggest.ts'
import type { PluginSpec } from './define-plugin.ts'

/**
 * Checks the options of a plugin by its schema and returns what the schema makes of them. A plugin that was given no
 * options gets those of `{}`. A wrong value or an unknown key rejects with CONFIG_INVALID naming the plugin, the path
 * and the nearest known key. Unknown keys are an error even where the schema would drop them: a mistyped option that
 * is silently ignored is the worst kind.
 */
export async function checkOptions(spec: PluginSpec, given: unknown): Promise<unknown> {
  const where = `Plugin "${spec.name}"`
  const options = given ?? {}
  if (typeof options !== 'object' || Array.isArray(options))
    throw invalid(spec, `${where}: its options must be an object, found ${describe(options)}.`)
  if (spec.options === undefined) {
    const [key] = Object.keys(options)
    if (key !== undefined) throw invalid(spec, `${where} takes no options, but was given "${key}".`, { option: key })
    return undefined
  }
  refuseUnknownKeys(spec, inputSchema(spec.options), options as Record<string, unknown>, '')
  const result = await validated(spec, spec.options, options)
  if (result.issues !== undefined)
    throw invalid(spec, result.issues.map((issue) => describeIssue(where, issue, options)).join('\n'), { option: pathOf(result.issues[0]) })
  refuseDroppedKeys(spec, options as Record<string, unknown>, result.value)
  return result.value
}

async function validated(spec: PluginSpec, schema: StandardSchemaV1, options: object): Promise<StandardSchemaV1.Result<unknown>> {
  try {
    return await schema['~standard'].validate(options)
  } catch (cause) {
    const message = `Plugin "${spec.name}": its options cannot be checked: ${cause instanceof Error ? cause.message : String(cause)}`
    throw new VarveError('CONFIG_INVALID', message, { cause, context: { plugin: spec.name } })
  }
}

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly additionalProperties?: unknown
}

/** The schema's input as JSON Schema, where the library can give it (zod 4.2+, arktype, valibot by adapter). */
function inputSchema(schema: StandardSchemaV1): JsonSchema | undefined {
  const standard = schema['~standard'] as StandardSchemaV1['~standard'] & { jsonSchema?: { input?(o: object): JsonSchema } }
  try {
    return standard.jsonSchema?.input?.({ target: 'draft-2020-12', libraryOptions: { unrepresentable: 'any' } })
  } catch {
    return undefined
  }
}

function refuseUnknownKeys(spec: PluginSpec, schema: JsonSchema | undefined, given: Readonly<Record<string, unknown>>, at: string): void {
  const properties = schema?.properties
  if (properties === undefined || (schema?.additionalProperties !== undefined && schema.additionalProperties !== false)) return
  for (const [key, value] of Object.entries(given)) {
    if (!Object.hasOwn(properties, key)) throw unknownKey(spec, at + key, key, Object.keys(properties))
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      refuseUnknownKeys(spec, properties[key], value as Record<string, unknown>, `${at}${key}.`)
  }
}

/** For schemas that cannot be read: a key that is not in the result was dropped, hence unknown. */
function refuseDroppedKeys(spec: PluginSpec, given: Readonly<Record<string, unknown>>, result: unknown): void {
  if (inputSchema(spec.options as StandardSchemaV1)?.properties !== undefined || typeof result !== 'object' || result === null) return
  for (const key of Object.keys(given)) {
    if (!(key in result)) throw unknownKey(spec, key, key, Object.keys(result))
  }
}

function unknownKey(spec: PluginSpec, path: string, key: string, known: readonly string[]): VarveError {
  const list = known.length === 0 ? '' : ` Known: ${known.join(', ')}.`
  return invalid(spec, `Plugin "${spec.name}": unknown option "${path}".${didYouMean(key, known)}${list}`, {
    option: path,
    suggestion: nearestName(key, known),
  })
}

function describeIssue(where: string, issue: StandardSchemaV1.Issue, options: unknown): string {
  const path = pathOf(issue)
  if (path === '') return `${where}: ${issue.message}.`
  let found: unknown = options
  for (const key of path.split('.')) found = (found as Record<string, unknown> | undefined)?.[key]
  return `${where}, option "${path}": ${issue.message.replace(/\.$/, '')}; found ${describe(found)}.`
}

function pathOf(issue: StandardSchemaV1.Issue | undefined): string {
  return (issue?.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)).join('.')
}

/** A value for an error message, cut to a readable length. */
export function describe(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'bigint' || typeof value === 'symbol') return String(value)
  let text: string
  try {
    text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value))
  } catch {
    text = 'a circular object'
  }
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}

function invalid(spec: PluginSpec, message: string, context: Record<string, unknown> = {}): VarveError {
  return new VarveError('CONFIG_INVALID', message, { context: { plugin: spec.name, ...context } })
}
