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
  for (const row of rows) table.push(row.map(singleLine))
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

/** Control characters would break the table, or act on the terminal: they are shown escaped. */
function singleLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  return text.replace(/[\u0000-\u0008\u000a-\u001a\u001c-\u001f\u007f-\u009f\u2028\u2029\t]/g, (character) =>
    JSON.stringify(character)
      .slice(1, -1)
      .replace(/^[\u007f-\u009f\u2028\u2029]$/, '\ufffd'),
  )
}
