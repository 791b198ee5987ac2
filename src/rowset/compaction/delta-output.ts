import type { RowBlock } from '../../schema/column-vector.ts'
import type { TableSchema } from '../../schema/table-schema.ts'
import { type DeltaFileSummary, DeltaFileWriter } from '../delta-file-writer.ts'
import type { JobFiles } from './job-files.ts'

export interface DeltaOutputOptions {
  readonly path: string
  /** The table whose rows change. */
  readonly schema: TableSchema
  readonly rowsPerGroup?: number | undefined
}

/** A delta file that a job writes, if there is anything to be written. */
export class DeltaOutput {
  private readonly files: JobFiles
  private readonly o: DeltaOutputOptions
  private writer: DeltaFileWriter | undefined

  constructor(files: JobFiles, o: DeltaOutputOptions) {
    this.files = files
    this.o = o
  }

  /** Takes entries of the delta schema, in order of row and time; creates the file for the first ones. */
  async add(block: RowBlock): Promise<void> {
    if (block.rowCount === 0) return
    const { path, schema, rowsPerGroup } = this.o
    this.writer ??= new DeltaFileWriter(await this.files.create(path), schema, { codec: this.files.codec, rowsPerGroup })
    await this.writer.add(block)
  }

  /** Writes the rest and syncs the file. Undefined: there were no entries, and there is no file. */
  async finish(): Promise<DeltaFileSummary | undefined> {
    return this.writer?.finish()
  }
}
