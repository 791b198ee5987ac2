import type { TableSchema } from '../../schema/table-schema.ts'
import { type DeltaFileSummary, DeltaFileWriter } from '../delta-file-writer.ts'
import { deltaFileRows, type PlainChange } from '../write-delta-file.ts'
import type { JobFiles } from './job-files.ts'

export interface ChangeOutputOptions {
  /** Undefined: no change can come; one that does is a TypeError. */
  readonly path: string | undefined
  /** The table whose rows change. */
  readonly schema: TableSchema
  readonly rowsPerGroup?: number | undefined
}

/** Changes that are made into columns together. */
const changesPerBlock = 4096

/** A delta file that takes changes one by one, if any comes. */
export class ChangeOutput {
  private readonly files: JobFiles
  private readonly o: ChangeOutputOptions
  private writer: DeltaFileWriter | undefined
  private pending: PlainChange[] = []

  constructor(files: JobFiles, o: ChangeOutputOptions) {
    this.files = files
    this.o = o
  }

  /** Takes changes in order of row and time, behind those before; creates the file for the first ones. */
  async add(changes: Iterable<PlainChange>): Promise<void> {
    for (const change of changes) {
      this.pending.push(change)
      if (this.pending.length === changesPerBlock) await this.write()
    }
  }

  /** Writes the rest and syncs the file. Undefined: no change came, and there is no file. */
  async finish(): Promise<DeltaFileSummary | undefined> {
    await this.write()
    return this.writer?.finish()
  }

  private async write(): Promise<void> {
    const { pending } = this
    if (pending.length === 0) return
    const { path, schema, rowsPerGroup } = this.o
    if (path === undefined) throw new TypeError('A job that has changes to write was given no path for a delta file.')
    this.pending = []
    await this.files.turn()
    this.writer ??= new DeltaFileWriter(await this.files.create(path), schema, { codec: this.files.codec, rowsPerGroup })
    await this.writer.add(deltaFileRows(schema, pending))
  }
}
