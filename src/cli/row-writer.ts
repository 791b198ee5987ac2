import { countOf } from './amounts.ts'
import { type Cell, cellCsv, cellJson, cellText } from './cell.ts'
import type { Cli } from './cli.ts'
import type { KnownColumn } from './table-choice.ts'
import { textTable } from './text-table.ts'

export type RowFormat = 'table' | 'json' | 'csv'

/** Writes rows as they come; `end` finishes. */
export interface RowWriter {
  write(cells: readonly Cell[]): Promise<void>
  end(o: { more: boolean }): Promise<void>
}

/** Text is written in parts of about this many characters. */
const partCharacters = 64 * 1024

export function rowWriter(cli: Cli, format: RowFormat, columns: readonly KnownColumn[]): RowWriter {
  if (format === 'table') return new TableWriter(cli, columns)
  return format === 'json'
    ? new LineWriter(cli, undefined, ndjsonLine(columns))
    : new LineWriter(cli, columns.map(({ name }) => cellCsv('string', name)).join(','), csvLine(columns))
}

/** A row as a line of JSON. */
export function ndjsonLine(columns: readonly KnownColumn[]): (cells: readonly Cell[]) => string {
  const names = columns.map(({ name }) => JSON.stringify(name))
  return (cells) => `{${cells.map((cell, i) => `${names[i]}:${cellJson((columns[i] as KnownColumn).kind, cell)}`).join(',')}}`
}

function csvLine(columns: readonly KnownColumn[]): (cells: readonly Cell[]) => string {
  return (cells) => {
    const line = cells.map((cell, i) => cellCsv((columns[i] as KnownColumn).kind, cell)).join(',')
    // A line with nothing on it would be read as no row.
    return line === '' ? '""' : line
  }
}

class LineWriter implements RowWriter {
  readonly #cli: Cli
  readonly #line: (cells: readonly Cell[]) => string
  #part: string

  constructor(cli: Cli, head: string | undefined, line: (cells: readonly Cell[]) => string) {
    this.#cli = cli
    this.#line = line
    this.#part = head === undefined ? '' : `${head}\n`
  }

  async write(cells: readonly Cell[]): Promise<void> {
    this.#part += `${this.#line(cells)}\n`
    if (this.#part.length >= partCharacters) await this.#flush()
  }

  async end(): Promise<void> {
    if (this.#part !== '') await this.#flush()
  }

  async #flush(): Promise<void> {
    const part = this.#part
    this.#part = ''
    await this.#cli.out.write(part)
  }
}

/** Rows to a table: so many have columns of a common width. */
const tableRowsMax = 1000

class TableWriter implements RowWriter {
  readonly #cli: Cli
  readonly #columns: readonly KnownColumn[]
  #rows: string[][] = []
  #count = 0

  constructor(cli: Cli, columns: readonly KnownColumn[]) {
    this.#cli = cli
    this.#columns = columns
  }

  async write(cells: readonly Cell[]): Promise<void> {
    const { dim } = this.#cli.style
    this.#rows.push(cells.map((cell, i) => (cell === null ? dim('null') : cellText((this.#columns[i] as KnownColumn).kind, cell))))
    this.#count++
    if (this.#rows.length === tableRowsMax) await this.#flush()
  }

  async end(o: { more: boolean }): Promise<void> {
    if (this.#rows.length > 0) await this.#flush()
    const { dim } = this.#cli.style
    if (o.more) await this.#cli.out.line(dim(`The first ${countOf(this.#count, 'row')}; there are more (--limit).`))
    else await this.#cli.out.line(dim(this.#count === 0 ? 'No rows.' : `${countOf(this.#count, 'row')}.`))
  }

  async #flush(): Promise<void> {
    const rows = this.#rows
    this.#rows = []
    const columns = this.#columns.map(({ name, kind }) => ({ title: name, align: isNumber(kind) ? ('right' as const) : ('left' as const) }))
    await this.#cli.out.line(textTable(columns, rows, this.#cli.style))
  }
}

function isNumber(kind: KnownColumn['kind']): boolean {
  return kind.startsWith('int') || kind === 'float' || kind === 'double'
}
