import { UsageError } from '../usage-error.ts'

/** `word`: a column, a key word or a bare value; `column`: a name in double quotes; `text`: a value in single quotes. */
export interface WhereToken {
  readonly kind: 'word' | 'column' | 'text' | 'operator' | 'end'
  readonly text: string
  readonly position: number
}

const operators = ['>=', '<=', '!=', '<>', '==', '=', '<', '>', '(', ')', ',']
const word = /[^\s=<>!(),'"]+/y

/** The tokens of a `--where`, the last of kind `end`. UsageError pointing at what is no token. */
export function whereTokens(text: string): WhereToken[] {
  const tokens: WhereToken[] = []
  let position = 0
  while (position < text.length) {
    const character = text[position] as string
    if (/\s/.test(character)) {
      position++
      continue
    }
    const token = quoted(text, position) ?? operatorAt(text, position) ?? wordAt(text, position)
    if (!token) throw new UsageError(`"${character}" means nothing here.`, { text, position })
    tokens.push(token.token)
    position = token.end
  }
  tokens.push({ kind: 'end', text: '', position: text.length })
  return tokens
}

interface Found {
  readonly token: WhereToken
  readonly end: number
}

/** Within quotes, the quote itself is written twice. */
function quoted(text: string, position: number): Found | undefined {
  const quote = text[position]
  if (quote !== "'" && quote !== '"') return undefined
  let value = ''
  for (let at = position + 1; at < text.length; at++) {
    if (text[at] !== quote) value += text[at]
    else if (text[at + 1] === quote) {
      value += quote
      at++
    } else return { token: { kind: quote === "'" ? 'text' : 'column', text: value, position }, end: at + 1 }
  }
  throw new UsageError(`The quote that begins here does not end.`, { text, position })
}

function operatorAt(text: string, position: number): Found | undefined {
  const operator = operators.find((each) => text.startsWith(each, position))
  return operator === undefined ? undefined : { token: { kind: 'operator', text: operator, position }, end: position + operator.length }
}

function wordAt(text: string, position: number): Found | undefined {
  word.lastIndex = position
  const found = word.exec(text)?.[0]
  return found === undefined ? undefined : { token: { kind: 'word', text: found, position }, end: position + found.length }
}
