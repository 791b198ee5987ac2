import test from 'ava'
import { FlightsChecksum } from '../../examples/flights/flights-checksum.ts'

type Row = [number: number, date: number, delay: number, distance: number, origin: string, destination: string]

const rows: readonly Row[] = [
  [0, 978_307_260_000, 33, 2176, 'LAS', 'PHL'],
  [1, 978_307_260_000, 19, 215, 'ATL', 'SAV'],
  [2, 978_307_320_000, -14, 405, 'MCI', 'MDW'],
]

function checksumOf(rows: readonly Row[]): string {
  const checksum = new FlightsChecksum()
  for (const [number, date, delay, distance, origin, destination] of rows) {
    checksum.add(number, date, delay, distance, checksum.hashText(origin), checksum.hashText(destination))
  }
  return checksum.toString()
}

const whole = checksumOf(rows)

test('the order of rows does not matter', (t) => {
  t.is(checksumOf(rows.toReversed()), whole)
})

test('rows summed apart add up to the sum of all', (t) => {
  const sum = new FlightsChecksum()
  for (const row of rows) {
    const one = new FlightsChecksum()
    const [number, date, delay, distance, origin, destination] = row
    one.add(number, date, delay, distance, one.hashText(origin), one.hashText(destination))
    sum.addSums(one.sums)
  }
  t.is(sum.toString(), whole)
})

test('a change to any column, a lost row, a row twice, and two rows that traded a value are all found', (t) => {
  const [first, second, third] = rows as [Row, Row, Row]
  for (let column = 0; column < first.length; column++) {
    const value = first[column]
    const changed = first.with(column, typeof value === 'number' ? value + 1 : `${value}X`) as Row
    t.not(checksumOf([changed, second, third]), whole, `column ${column}`)
    if (second[column] === value) continue
    const traded = [first.with(column, second[column] as never), second.with(column, value as never), third] as Row[]
    if (column > 0) t.not(checksumOf(traded), whole, `column ${column} traded`)
  }
  t.not(checksumOf([first.with(1, first[1] + 2 ** 32) as Row, second, third]), whole)
  t.not(checksumOf([first, second]), whole)
  t.not(checksumOf([...rows, third]), whole)
  t.not(checksumOf([first.with(4, 'PHL').with(5, 'LAS') as Row, second, third]), whole)
})
