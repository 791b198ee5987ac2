/** The command was given wrongly: exit code 2. `at` points into the text that is wrong. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
  readonly at: { readonly text: string; readonly position: number } | undefined

  constructor(message: string, at?: { readonly text: string; readonly position: number }) {
    super(message)
    this.at = at
  }
}
