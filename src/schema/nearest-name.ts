import { distance } from 'fastest-levenshtein'

/** `; did you mean "x"?` for the known name closest to a wrong one, or nothing if none is close. */
export function nearestName(wrong: string, known: readonly string[]): string {
  let best: string | undefined
  let bestDistance = Math.max(2, Math.floor(wrong.length / 3)) + 1
  for (const name of known) {
    const d = distance(wrong.toLowerCase(), name.toLowerCase())
    if (d < bestDistance) {
      best = name
      bestDistance = d
    }
  }
  return best === undefined ? '' : `; did you mean "${best}"?`
}
