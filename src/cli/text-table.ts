import Table from 'cli-table3'

/** A column of a table for people. */
export interface TextColumn {
  readonly title: string
  /** Numbers stand to the right. */
  readonly align?: 'left' | 'right'
}

const plain = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
}

/** Rows as a table with a head and no lines; each line is free of trailing spaces. Ends without a line break. */
export function textTable(
  columns: readonly TextColumn[],
  rows: readonly (readonly string[])[],
  o: { bold?: (text: string) => string } = {},
): string {
  const bold = o.bold ?? ((text: string) => text)
  const table = new Table({
    head: columns.map(({ title }) => bold(title)),
    colAligns: columns.map(({ align }) => align ?? 'left'),
    chars: plain,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
  })
  for (const row of rows) table.push([...row])
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
}

/** `name  value` lines. */
export function factsTable(facts: readonly (readonly [string, string])[], o: { dim?: (text: string) => string } = {}): string {
  const dim = o.dim ?? ((text: string) => text)
  const width = Math.max(0, ...facts.map(([name]) => name.length))
  return facts.map(([name, value]) => `${dim(name.padEnd(width))}  ${value}`).join('\n')
}
