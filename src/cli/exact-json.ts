const long = /\d{16}/
const tokens = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g
const mark = '\u0000integer:'
const marked = new RegExp(`^${mark}-?\\d+$`)

/** `JSON.parse`, but for integers that a number cannot hold: they become bigints, not other numbers. SyntaxError as JSON.parse. */
export function parseExactJson(text: string): unknown {
  if (!long.test(text)) return JSON.parse(text)
  // Checks the text as it is, so that an error's position is right.
  const rough: unknown = JSON.parse(text)
  let found = false
  const exact = text.replace(tokens, (token) => {
    if (token.startsWith('"') || /[.eE]/.test(token) || Number.isSafeInteger(Number(token))) return token
    found = true
    return JSON.stringify(mark + token)
  })
  if (!found) return rough
  return JSON.parse(exact, (_, value: unknown) =>
    typeof value === 'string' && marked.test(value) ? BigInt(value.slice(mark.length)) : value,
  )
}
