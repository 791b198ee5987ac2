/**
 * The small language of `--where`, by recursive descent:
 *
 *     either     = both { "or" both }
 *     both       = one { "and" one }
 *     one        = "not" one | "(" either ")" | column test
 *     test       = ( "=" | "!=" | "<" | "<=" | ">" | ">=" ) value
 *                | "between" value "and" value | "in" "(" value { "," value } ")"
 *                | "starts" "with" value | "is" [ "not" ] "null"
 *
 * A value is a bare word or 'text in single quotes'; what it means depends on the column. A column whose name is a key
 * word, or has other characters, is written "in double quotes".
 */
import { didYouMean } from '../../base/suggest.ts'
import {
  and,
  between,
  eq,
  gt,
  gte,
  inList,
  isNull,
  type Literal,
  lt,
  lte,
  ne,
  not,
  notNull,
  or,
  type Predicate,
  startsWith,
} from '../../query/predicate.ts'
import { asMode } from '../key-input.ts'
import type { KnownColumn } from '../table-choice.ts'
import { UsageError } from '../usage-error.ts'
import { kindText, valueOfText } from '../value-input.ts'
import { type WhereToken, whereTokens } from './where-tokens.ts'

type AnyPredicate = Predicate<never>

const comparisons: Readonly<Record<string, (column: string, value: Literal) => AnyPredicate>> = {
  '=': eq,
  '==': eq,
  '!=': ne,
  '<>': ne,
  '<': lt,
  '<=': lte,
  '>': gt,
  '>=': gte,
}
const tests = '=, !=, <, <=, >, >=, between, in, starts with, is null or is not null'

/** The predicate that a text means for a table with these columns. UsageError that points at the place. */
export function parseWhere(text: string, columns: readonly KnownColumn[]): AnyPredicate {
  return new WhereParser(text, columns).parse()
}

class WhereParser {
  readonly #text: string
  readonly #columns: readonly KnownColumn[]
  readonly #tokens: readonly WhereToken[]
  #next = 0

  constructor(text: string, columns: readonly KnownColumn[]) {
    this.#text = text
    this.#columns = columns
    this.#tokens = whereTokens(text)
  }

  parse(): AnyPredicate {
    const predicate = this.#either()
    if (this.#token.kind !== 'end') throw this.#wrong('Expected and, or, or the end.')
    return predicate
  }

  #either(): AnyPredicate {
    const parts = [this.#both()]
    while (this.#takeWord('or')) parts.push(this.#both())
    return parts.length === 1 ? (parts[0] as AnyPredicate) : or(...parts)
  }

  #both(): AnyPredicate {
    const parts = [this.#one()]
    while (this.#takeWord('and')) parts.push(this.#one())
    return parts.length === 1 ? (parts[0] as AnyPredicate) : and(...parts)
  }

  #one(): AnyPredicate {
    if (this.#takeWord('not')) return not(this.#one())
    if (!this.#takeOperator('(')) return this.#test(this.#column())
    const inner = this.#either()
    this.#expect(')')
    return inner
  }

  #test(column: KnownColumn): AnyPredicate {
    const { name } = column
    const compare = this.#token.kind === 'operator' ? comparisons[this.#token.text] : undefined
    if (compare) {
      this.#next++
      return compare(name, this.#value(column))
    }
    if (this.#takeWord('between')) {
      const low = this.#value(column)
      if (!this.#takeWord('and')) throw this.#wrong('Expected and: between LOW and HIGH.')
      return between(name, low, this.#value(column)) as AnyPredicate
    }
    if (this.#takeWord('in')) return inList(name, this.#list(column)) as AnyPredicate
    if (this.#takeWord('starts')) {
      if (!this.#takeWord('with')) throw this.#wrong('Expected with: starts with TEXT.')
      if (column.kind !== 'string')
        throw this.#wrong(`starts with is for strings; ${name} is ${column.kind}.`, this.#tokens[this.#next - 2])
      return startsWith(name, String(this.#value(column))) as AnyPredicate
    }
    if (this.#takeWord('is')) {
      const negated = this.#takeWord('not')
      if (!this.#takeWord('null')) throw this.#wrong('Expected null: is null, or is not null.')
      return (negated ? notNull(name) : isNull(name)) as AnyPredicate
    }
    throw this.#wrong(`Expected ${tests} after ${name}.`)
  }

  #list(column: KnownColumn): Literal[] {
    this.#expect('(')
    const values = [this.#value(column)]
    while (this.#takeOperator(',')) values.push(this.#value(column))
    this.#expect(')')
    return values
  }

  #column(): KnownColumn {
    const token = this.#token
    if (token.kind !== 'word' && token.kind !== 'column') throw this.#wrong('Expected a column.')
    const column = this.#columns.find(({ name }) => name === token.text)
    const names = this.#columns.map(({ name }) => name)
    if (!column) throw this.#wrong(`There is no column "${token.text}"; there are ${names.join(', ')}.${didYouMean(token.text, names)}`)
    this.#next++
    return column
  }

  #value(column: KnownColumn): Literal {
    const token = this.#token
    if (token.kind === 'column') throw this.#wrong(`Values are written in single quotes: '${token.text}'.`)
    if (token.kind !== 'word' && token.kind !== 'text') throw this.#wrong('Expected a value.')
    if (token.kind === 'word' && token.text.toLowerCase() === 'null')
      throw this.#wrong('Nothing equals null. Write is null, or is not null.')
    const value = valueOfText(column.kind, token.text) ?? this.#fraction(column, token.text)
    if (value === undefined) throw this.#wrong(`${JSON.stringify(token.text)} is not ${kindText(column.kind)}, which ${column.name} is.`)
    this.#next++
    return asMode(column, value)
  }

  /** A whole-number column can well be compared with 0.5, but for those whose values are bigints. */
  #fraction(column: KnownColumn, text: string): number | undefined {
    const comparable = column.kind.startsWith('int') && !(column.kind === 'int64' && column.mode === 'bigint')
    return comparable ? (valueOfText('double', text) as number | undefined) : undefined
  }

  get #token(): WhereToken {
    return this.#tokens[this.#next] as WhereToken
  }

  #takeWord(word: string): boolean {
    const { kind, text } = this.#token
    if (kind !== 'word' || text.toLowerCase() !== word) return false
    this.#next++
    return true
  }

  #takeOperator(operator: string): boolean {
    const { kind, text } = this.#token
    if (kind !== 'operator' || text !== operator) return false
    this.#next++
    return true
  }

  #expect(operator: string): void {
    if (!this.#takeOperator(operator)) throw this.#wrong(`Expected ${operator}`)
  }

  #wrong(message: string, token: WhereToken = this.#token): UsageError {
    return new UsageError(`--where: ${message}`, { text: this.#text, position: token.position })
  }
}
