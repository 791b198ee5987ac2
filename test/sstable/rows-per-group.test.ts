import test from 'ava'
import type { ColumnVector } from '../../src/schema/column-vector.ts'
import { rowsPerGroupFor } from '../../src/sstable/rows-per-group.ts'
import { bytesVector } from './fixtures/vectors.ts'

const fixed = (length: number): ColumnVector => ({ form: 'fixed', length, values: new Float64Array(length), nulls: undefined })

test('narrow rows come in groups of 8192, wide ones in as many as take half a MiB and no column more than half of that; never in fewer than 128', (t) => {
  t.is(rowsPerGroupFor([]), 8192)
  t.is(rowsPerGroupFor([fixed(0)]), 8192)
  t.is(rowsPerGroupFor(Array.from({ length: 8 }, () => fixed(1000))), 8192)
  t.is(rowsPerGroupFor(Array.from({ length: 9 }, () => fixed(1000))), 4096)
  const texts = (bytes: number) => bytesVector(Array.from({ length: 10 }, () => new Uint8Array(bytes)))
  t.is(rowsPerGroupFor([fixed(10), texts(200)]), 1024)
  t.is(rowsPerGroupFor([fixed(10), texts(50), texts(50), texts(50), texts(50)]), 2048)
  t.is(rowsPerGroupFor([fixed(10), texts(10_000)]), 128)
})

test('of a slice the rows count that it has, of a dictionary its codes and each string once', (t) => {
  const long = bytesVector(Array.from({ length: 1000 }, () => new Uint8Array(1000)))
  const [slice] = [{ ...long, length: 1, offsets: (long as { offsets: Uint32Array }).offsets.subarray(0, 2) } as ColumnVector]
  t.is(rowsPerGroupFor([slice]), 256)
  const dictionary = bytesVector([new Uint8Array(1000)]) as Extract<ColumnVector, { form: 'bytes' }>
  t.is(rowsPerGroupFor([{ form: 'dictionary', length: 1000, codes: new Uint8Array(1000), dictionary, nulls: undefined }]), 8192)
})
