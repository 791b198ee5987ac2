import type { ColumnKind } from '../../schema/column-vector.ts'

/** A column of a row group, to be cut into batches. */
export interface SlicedColumn {
  slice(from: number, to: number): unknown
  /** Bytes of rows [from, to), roughly. */
  bytesOf(from: number, to: number): number
}

type Sliceable = { subarray?(from: number, to: number): unknown; slice(from: number, to: number): unknown }

/** Cuts what a column collector gathered. */
export function sliceColumn(kind: ColumnKind, given: unknown): SlicedColumn {
  const { values, nulls } = hasNulls(given) ? given : { values: given, nulls: undefined }
  const inner = isCoded(values) ? codedSlices(values) : plainSlices(kind, values as Sliceable)
  if (!nulls) return inner
  return { bytesOf: inner.bytesOf, slice: (from, to) => ({ values: inner.slice(from, to), nulls: nulls.subarray(from, to) }) }
}

interface Coded {
  readonly codes: Uint8Array
  readonly dictionary: readonly string[]
}

function codedSlices({ codes, dictionary }: Coded): SlicedColumn {
  const lengthMax = dictionary.reduce((max, text) => Math.max(max, text.length), 0)
  return {
    slice: (from, to) => ({ codes: codes.subarray(from, to), dictionary }),
    bytesOf: (from, to) => (to - from) * (1 + lengthMax),
  }
}

function plainSlices(kind: ColumnKind, values: Sliceable): SlicedColumn {
  const slice = (from: number, to: number) => (values.subarray ? values.subarray(from, to) : values.slice(from, to))
  if (kind !== 'string' && kind !== 'binary') return { slice, bytesOf: (from, to) => (to - from) * 8 }
  const texts = values as unknown as readonly ({ readonly length: number } | null | undefined)[]
  return {
    slice,
    bytesOf: (from, to) => {
      let bytes = 0
      for (let i = from; i < to; i++) bytes += texts[i]?.length ?? 0
      return bytes
    },
  }
}

function hasNulls(given: unknown): given is { values: unknown; nulls: Uint8Array } {
  return typeof given === 'object' && given !== null && 'nulls' in given
}

function isCoded(values: unknown): values is Coded {
  return typeof values === 'object' && values !== null && 'codes' in values
}
