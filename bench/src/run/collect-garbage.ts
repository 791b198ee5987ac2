/** Children run with `--expose-gc`, so that what was made while preparing is not collected at the measured code's cost. */
export function collectGarbage(): void {
  const { gc } = globalThis as { gc?: () => void }
  gc?.()
}
