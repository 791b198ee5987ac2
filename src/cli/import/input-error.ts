/** A file to import that cannot be read as what it is said to be. `context` names the file, and the line or row. */
export class InputError extends Error {
  override readonly name = 'InputError'
  readonly code = 'INPUT_MALFORMED'
  readonly context: Readonly<Record<string, unknown>>

  constructor(message: string, context: { path: string } & Record<string, unknown>, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.context = context
  }
}
