import type { ColumnKind } from '../../schema/column-vector.ts'

type Value = boolean | number | bigint | string | Uint8Array

/** Gathers the values of one column, row by row, as `insertColumns` takes them. The engine checks ranges. */
export interface ColumnCollector {
  /** Bytes gathered so far, roughly. */
  readonly sizeBytes: number
  put(row: number, value: Value): void
  putNull(row: number): void
  finish(rowCount: number): unknown
}

/** A collector for at most `rowsMax` rows. */
export function columnCollector(kind: ColumnKind, rowsMax: number): ColumnCollector {
  if (kind === 'string') return new StringCollector(rowsMax)
  if (kind === 'binary') return new BytesCollector()
  if (kind === 'bool') return new BoolCollector(rowsMax)
  return kind === 'int64' ? new WideCollector(rowsMax) : new NumberCollector(rowsMax)
}

abstract class NullMarks {
  #nulls: Uint8Array | undefined
  readonly #rowsMax: number

  constructor(rowsMax: number) {
    this.#rowsMax = rowsMax
  }

  putNull(row: number): void {
    this.#nulls ??= new Uint8Array(this.#rowsMax)
    this.#nulls[row] = 1
  }

  protected withNulls(values: unknown, rowCount: number): unknown {
    return this.#nulls ? { values, nulls: this.#nulls.subarray(0, rowCount) } : values
  }
}

class NumberCollector extends NullMarks implements ColumnCollector {
  readonly #values: Float64Array
  readonly sizeBytes: number

  constructor(rowsMax: number) {
    super(rowsMax)
    this.#values = new Float64Array(rowsMax)
    this.sizeBytes = rowsMax * 8
  }

  put(row: number, value: Value): void {
    this.#values[row] = Number(value)
  }

  finish(rowCount: number): unknown {
    return this.withNulls(this.#values.subarray(0, rowCount), rowCount)
  }
}

class BoolCollector extends NullMarks implements ColumnCollector {
  readonly #values: Uint8Array
  readonly sizeBytes: number

  constructor(rowsMax: number) {
    super(rowsMax)
    this.#values = new Uint8Array(rowsMax)
    this.sizeBytes = rowsMax
  }

  put(row: number, value: Value): void {
    this.#values[row] = value === true ? 1 : 0
  }

  finish(rowCount: number): unknown {
    return this.withNulls(this.#values.subarray(0, rowCount), rowCount)
  }
}

/** Whole numbers as doubles, until one comes that a double cannot hold. */
class WideCollector extends NullMarks implements ColumnCollector {
  readonly #doubles: Float64Array
  #wide: BigInt64Array | undefined
  readonly sizeBytes: number

  constructor(rowsMax: number) {
    super(rowsMax)
    this.#doubles = new Float64Array(rowsMax)
    this.sizeBytes = rowsMax * 8
  }

  put(row: number, value: Value): void {
    if (this.#wide) this.#wide[row] = BigInt(value as number | bigint)
    else if (typeof value === 'bigint' && !Number.isSafeInteger(Number(value))) {
      this.#wide = new BigInt64Array(this.#doubles.length)
      for (let i = 0; i < row; i++) this.#wide[i] = BigInt(this.#doubles[i] as number)
      this.#wide[row] = value
    } else this.#doubles[row] = Number(value)
  }

  finish(rowCount: number): unknown {
    return this.withNulls((this.#wide ?? this.#doubles).subarray(0, rowCount), rowCount)
  }
}

const distinctMax = 256

/** Strings as codes into a dictionary while there are few of them, as there often are; else as they come. */
class StringCollector extends NullMarks implements ColumnCollector {
  readonly #codes: Uint8Array
  readonly #distinct = new Map<string, number>()
  #plain: string[] | undefined
  sizeBytes = 0

  constructor(rowsMax: number) {
    super(rowsMax)
    this.#codes = new Uint8Array(rowsMax)
  }

  put(row: number, value: Value): void {
    const text = String(value)
    this.sizeBytes += text.length
    if (this.#plain) {
      this.#plain[row] = text
      return
    }
    let code = this.#distinct.get(text)
    if (code === undefined) {
      code = this.#distinct.size
      if (code === distinctMax) {
        this.#becomePlain(row)[row] = text
        return
      }
      this.#distinct.set(text, code)
    }
    this.#codes[row] = code
  }

  override putNull(row: number): void {
    super.putNull(row)
    if (this.#plain) this.#plain[row] = ''
  }

  finish(rowCount: number): unknown {
    if (this.#plain) return this.withNulls(this.#plain, rowCount)
    return this.withNulls({ codes: this.#codes.subarray(0, rowCount), dictionary: [...this.#distinct.keys()] }, rowCount)
  }

  #becomePlain(rowCount: number): string[] {
    const dictionary = [...this.#distinct.keys()]
    this.#plain = Array.from({ length: rowCount }, (_, i) => dictionary[this.#codes[i] as number] ?? '')
    return this.#plain
  }
}

class BytesCollector implements ColumnCollector {
  readonly #values: (Uint8Array | null)[] = []
  sizeBytes = 0

  put(row: number, value: Value): void {
    const bytes = value as Uint8Array
    this.sizeBytes += bytes.length
    this.#values[row] = bytes
  }

  putNull(row: number): void {
    this.#values[row] = null
  }

  finish(): unknown {
    return this.#values
  }
}
