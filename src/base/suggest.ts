import { closest, distance } from 'fastest-levenshtein'

/**
 * The known name that is nearest to a mistyped one, or undefined if none is near: at most a third of its letters (and
 * at least two) may differ, not counting case.
 */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  const names = [...known]
  if (names.length === 0) return undefined
  const wanted = name.toLowerCase()
  const nearest = closest(
    wanted,
    names.map((each) => each.toLowerCase()),
  )
  const found = names.find((each) => each.toLowerCase() === nearest)
  const differenceMax = Math.max(2, Math.floor(name.length / 3))
  return found !== undefined && distance(wanted, nearest) <= Math.min(differenceMax, nearest.length - 1) ? found : undefined
}

/** The end of an error message: ` Did you mean "limit"?`, or nothing if no known name is near. */
export function didYouMean(name: string, known: Iterable<string>): string {
  const nearest = nearestName(name, known)
  return nearest === undefined ? '' : ` Did you mean "${nearest}"?`
}
