/**
 * Just enough of a Parquet writer for tests: flat columns, plain or dictionary-coded values, no compression. The
 * numbers are those of parquet.thrift.
 */
const types = { BOOLEAN: 0, INT32: 1, INT64: 2, INT96: 3, FLOAT: 4, DOUBLE: 5, BYTE_ARRAY: 6, FIXED_LEN_BYTE_ARRAY: 7 }
const convertedTypes = {
  UTF8: 0,
  LIST: 3,
  ENUM: 4,
  DECIMAL: 5,
  DATE: 6,
  TIMESTAMP_MILLIS: 9,
  TIMESTAMP_MICROS: 10,
  UINT_8: 11,
  UINT_16: 12,
  UINT_32: 13,
  UINT_64: 14,
  INT_8: 15,
  INT_16: 16,
}
const units = { MILLIS: 1, MICROS: 2, NANOS: 3 }

export interface WrittenColumn {
  readonly name: string
  readonly type: keyof typeof types
  readonly converted?: keyof typeof convertedTypes
  readonly timestamp?: keyof typeof units
  readonly uuid?: boolean
  readonly scale?: number
  readonly precision?: number
  readonly typeLength?: number
  readonly optional?: boolean
  /** Makes a group of the column: a nested one. */
  readonly nested?: boolean
  readonly dictionary?: boolean
  /** Null where `optional`. Bytes for INT96. */
  readonly values: readonly (number | bigint | boolean | string | Uint8Array | null)[]
}

type Field = readonly [
  id: number,
  type: 'bool' | 'i32' | 'i64' | 'text' | 'struct' | 'list:i32' | 'list:text' | 'list:struct',
  value: unknown,
]

/** A file with the columns, `groupRows` rows to a row group. */
export function parquetFile(columns: readonly WrittenColumn[], groupRows = Number.POSITIVE_INFINITY): Buffer {
  const rowCount = columns[0]?.values.length ?? 0
  const parts: Buffer[] = [Buffer.from('PAR1')]
  let offset = 4
  const groups: Field[][] = []
  for (let from = 0; from < rowCount; from += Math.min(groupRows, rowCount)) {
    const to = Math.min(rowCount, from + groupRows)
    const chunks = columns.map((column) => {
      const pages = columnPages(column, column.values.slice(from, to))
      const size = pages.reduce((sum, page) => sum + page.length, 0)
      const path = column.nested ? [column.name, 'inner'] : [column.name]
      const dataOffset = offset + (column.dictionary ? (pages[0] as Buffer).length : 0)
      const meta: Field[] = [
        [1, 'i32', types[column.type]],
        [2, 'list:i32', [0, 3, 8]],
        [3, 'list:text', path],
        [4, 'i32', 0],
        [5, 'i64', to - from],
        [6, 'i64', size],
        [7, 'i64', size],
        [9, 'i64', dataOffset],
        ...(column.dictionary ? ([[11, 'i64', offset]] as Field[]) : []),
      ]
      const chunk: Field[] = [
        [2, 'i64', offset],
        [3, 'struct', meta],
      ]
      parts.push(...pages)
      offset += size
      return chunk
    })
    groups.push([
      [1, 'list:struct', chunks],
      [2, 'i64', 0],
      [3, 'i64', to - from],
    ])
  }
  const root: Field[] = [
    [4, 'text', 'root'],
    [5, 'i32', columns.length],
  ]
  const metadata = Buffer.from(
    struct([
      [1, 'i32', 1],
      [2, 'list:struct', [root, ...columns.flatMap(schemaElements)]],
      [3, 'i64', rowCount],
      [4, 'list:struct', groups],
    ]),
  )
  const length = Buffer.alloc(4)
  length.writeUInt32LE(metadata.length)
  return Buffer.concat([...parts, metadata, length, Buffer.from('PAR1')])
}

function schemaElements(column: WrittenColumn): Field[][] {
  const { type, converted, timestamp, uuid, scale, precision, typeLength, optional, name } = column
  const fields: Field[] = [[1, 'i32', types[type]]]
  if (typeLength !== undefined) fields.push([2, 'i32', typeLength])
  fields.push([3, 'i32', optional ? 1 : 0], [4, 'text', column.nested ? 'inner' : name])
  if (converted) fields.push([6, 'i32', convertedTypes[converted]])
  if (scale !== undefined) fields.push([7, 'i32', scale])
  if (precision !== undefined) fields.push([8, 'i32', precision])
  if (timestamp)
    fields.push([
      10,
      'struct',
      [
        [
          8,
          'struct',
          [
            [1, 'bool', true],
            [2, 'struct', [[units[timestamp], 'struct', []]]],
          ],
        ],
      ],
    ])
  if (uuid) fields.push([10, 'struct', [[14, 'struct', []]]])
  if (!column.nested) return [fields]
  return [
    [
      [3, 'i32', 0],
      [4, 'text', name],
      [5, 'i32', 1],
    ],
    fields,
  ]
}

function columnPages(column: WrittenColumn, rows: WrittenColumn['values']): Buffer[] {
  const levels = column.optional ? definitionLevels(rows) : Buffer.alloc(0)
  const present = rows.filter((value) => value !== null)
  if (!column.dictionary) {
    const data = Buffer.concat([levels, plain(column, present)])
    return [
      Buffer.concat([
        pageHeader(
          data.length,
          [
            5,
            'struct',
            [
              [1, 'i32', rows.length],
              [2, 'i32', 0],
              [3, 'i32', 3],
              [4, 'i32', 3],
            ],
          ],
          0,
        ),
        data,
      ]),
    ]
  }
  const distinct = [...new Set(present)]
  const dictionary = plain(column, distinct)
  const codes = present.flatMap((value) => [...varint(2), distinct.indexOf(value)])
  const data = Buffer.concat([levels, Buffer.from([8, ...codes])])
  return [
    Buffer.concat([
      pageHeader(
        dictionary.length,
        [
          7,
          'struct',
          [
            [1, 'i32', distinct.length],
            [2, 'i32', 0],
          ],
        ],
        2,
      ),
      dictionary,
    ]),
    Buffer.concat([
      pageHeader(
        data.length,
        [
          5,
          'struct',
          [
            [1, 'i32', rows.length],
            [2, 'i32', 8],
            [3, 'i32', 3],
            [4, 'i32', 3],
          ],
        ],
        0,
      ),
      data,
    ]),
  ]
}

function pageHeader(size: number, body: Field, type: number): Buffer {
  return Buffer.from(struct([[1, 'i32', type], [2, 'i32', size], [3, 'i32', size], body]))
}

function definitionLevels(rows: WrittenColumn['values']): Buffer {
  const runs = rows.flatMap((value) => [...varint(2), value === null ? 0 : 1])
  const length = Buffer.alloc(4)
  length.writeUInt32LE(runs.length)
  return Buffer.concat([length, Buffer.from(runs)])
}

function plain({ type }: WrittenColumn, values: readonly unknown[]): Buffer {
  if (type === 'BOOLEAN') {
    const bits = Buffer.alloc(Math.ceil(values.length / 8))
    for (const [i, value] of values.entries()) if (value) bits[i >> 3] = (bits[i >> 3] as number) | (1 << (i & 7))
    return bits
  }
  return Buffer.concat(values.map((value) => plainValue(type, value)))
}

function plainValue(type: WrittenColumn['type'], value: unknown): Buffer {
  const bytes = Buffer.alloc(type === 'INT64' || type === 'DOUBLE' ? 8 : 4)
  switch (type) {
    case 'INT32':
      bytes.writeInt32LE(Number(value))
      return bytes
    case 'INT64':
      bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value as bigint)))
      return bytes
    case 'FLOAT':
      bytes.writeFloatLE(value as number)
      return bytes
    case 'DOUBLE':
      bytes.writeDoubleLE(value as number)
      return bytes
    case 'BYTE_ARRAY': {
      const content = Buffer.from(value as string)
      bytes.writeUInt32LE(content.length)
      return Buffer.concat([bytes, content])
    }
    default:
      return Buffer.from(value as Uint8Array)
  }
}

/** Thrift's compact protocol. */
function struct(fields: readonly Field[]): number[] {
  const bytes: number[] = []
  let last = 0
  for (const [id, type, value] of fields) {
    const code = type === 'bool' ? (value ? 1 : 2) : type.startsWith('list') ? 9 : elementCode(type)
    bytes.push(((id - last) << 4) | code)
    last = id
    if (type === 'bool') continue
    if (!type.startsWith('list:')) bytes.push(...element(type, value))
    else {
      const of = type.slice(5)
      const items = value as readonly unknown[]
      if (items.length < 15) bytes.push((items.length << 4) | elementCode(of))
      else bytes.push(0xf0 | elementCode(of), ...varint(items.length))
      for (const item of items) bytes.push(...element(of, item))
    }
  }
  bytes.push(0)
  return bytes
}

function elementCode(type: string): number {
  return type === 'i32' ? 5 : type === 'i64' ? 6 : type === 'text' ? 8 : 12
}

function element(type: string, value: unknown): number[] {
  if (type === 'struct') return struct(value as Field[])
  if (type === 'text') return [...varint(Buffer.byteLength(value as string)), ...Buffer.from(value as string)]
  return varint((value as number) * 2)
}

function varint(value: number): number[] {
  const bytes: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest]
    bytes.push((rest % 128) | 128)
  }
}
