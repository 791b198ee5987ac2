/**
 * Every error that Varve raises on purpose. `VarveError` carries a code that a program can act on; the table of
 * codes is here and nowhere else (docs/errors.md is tested against it). Misuse of the API is a `TypeError`. A broken
 * invariant is an `InvariantError`: the engine stops taking writes when it meets one.
 */
export const errorCodes = {
  KEY_EXISTS: 'An inserted key already has a row.',
  INVALID_VALUE:
    'A value does not fit its column: wrong type, out of range, null where null is not allowed, a missing or an unknown column.',
  WRITE_CONFLICT: "A row that a batch writes or expects has changed since the batch's snapshot.",
  BATCH_TOO_LARGE: 'One call writes more than a quarter of the memory limit.',
  BATCH_FINISHED: 'The batch was already committed.',
  TABLE_EXISTS: 'A table of this name exists already.',
  TABLE_NOT_FOUND: 'No table has this name.',
  SCHEMA_MISMATCH: 'The definition given differs from the one that is stored, or a table cannot be altered so.',
  DATABASE_NOT_FOUND: 'The directory holds no database and none was to be created.',
  DATABASE_EXISTS: 'The directory already holds a database.',
  DATABASE_LOCKED: 'Another process, or this one, has the database open.',
  DATABASE_CLOSED: 'The database has been closed.',
  READ_ONLY: 'The database was opened for reading only.',
  DISK_FULL: 'The disk is full; nothing of this call was applied. It succeeds once there is room.',
  IO_ERROR: 'The operating system failed to read or to write a file.',
  WRITES_STOPPED: 'A failure to persist stopped writes; reads go on. Reopen the database.',
  CORRUPTION: 'Bytes on disk are not what was written.',
  FORMAT_UNSUPPORTED: 'A file was written by a newer version of Varve.',
  HISTORY_NOT_RETAINED: 'The time asked for lies before the history that is kept.',
  SNAPSHOT_CLOSED: 'The snapshot has been closed.',
  DIRECTORY_NOT_EMPTY: 'The target directory holds files.',
  INGEST_REJECTED: 'A file to be ingested does not fit the table.',
  ABORTED: 'The operation was cancelled by its signal.',
  CONFIG_INVALID: 'The configuration has an unknown key or a wrong value.',
  CONFIG_NOT_FOUND: 'No configuration file was found.',
  PLUGIN_NOT_FOUND: 'A plugin named in the configuration cannot be found.',
  PLUGIN_CONFLICT: 'Two plugins have one name, or provide one service.',
  PLUGIN_REQUIRES: 'A plugin needs a service or a plugin that is not there.',
  PLUGIN_CYCLE: 'Plugins depend on each other in a circle.',
  SERVICE_NOT_FOUND: 'No plugin provides the service asked for.',
  PEER_DEPENDENCY_MISSING: 'An optional package that this feature needs is not installed.',
  CAPTURE_NOT_ATTACHED: 'The workload collector is not attached to a database.',
  CAPTURE_RUNNING: 'A capture is running already.',
  CAPTURE_FAILED: 'The capture failed; the database is unharmed.',
  WORKLOAD_EXISTS: 'The storage already holds a workload.',
  WORKLOAD_CORRUPT: 'The workload is not what was captured.',
} as const

export type VarveErrorCode = keyof typeof errorCodes

const retryableCodes: ReadonlySet<VarveErrorCode> = new Set(['DISK_FULL', 'IO_ERROR', 'WRITE_CONFLICT', 'DATABASE_LOCKED', 'ABORTED'])

/** An error with a code. `context` holds plain data (table, column, path, offset …) for programs and logs. */
export class VarveError extends Error {
  override readonly name = 'VarveError'
  readonly code: VarveErrorCode
  readonly context: Readonly<Record<string, unknown>>
  /** Whether the same call may succeed later without a change by the caller. */
  readonly retryable: boolean

  constructor(code: VarveErrorCode, message: string, o: { context?: Record<string, unknown>; cause?: unknown } = {}) {
    super(message, o.cause === undefined ? undefined : { cause: o.cause })
    this.code = code
    this.context = o.context ?? {}
    this.retryable = retryableCodes.has(code)
  }
}

/** The engine found itself in a state that must not be. Always a defect of Varve or of a plugin. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError'
}

/** Throws an `InvariantError` unless `claim` holds. */
export function invariant(claim: unknown, message: string): asserts claim {
  if (!claim) throw new InvariantError(message)
}

/** The error to report for a cancelled operation: ABORTED, with the signal's reason as its cause. */
export function abortedError(signal: AbortSignal): VarveError {
  return new VarveError('ABORTED', 'The operation was cancelled by its signal.', { cause: signal.reason })
}

/** Throws ABORTED if the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortedError(signal)
}

/** Any thrown value as an Error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}

/** The system error code (`ENOENT`, `ENOSPC` …) of an error, if it has one. */
export function systemCode(thrown: unknown): string | undefined {
  const code = (thrown as { code?: unknown } | undefined)?.code
  return typeof code === 'string' ? code : undefined
}
