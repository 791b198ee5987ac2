/** Writes batches until the log holds 64 MiB, with maintenance paused so that no flush shortens it; then waits to be killed. */
import { columnsOf, rowsOf } from '../data/metrics-data.ts'
import { openVarveWith } from '../sides/varve.ts'

const batchRows = 1000
const logBytesWanted = 64 * 2 ** 20

const side = await openVarveWith({ directory: process.argv[2] ?? '', memory: { limit: '1GiB' } })
side.database.maintenance.pause()
let rows = 0
while (side.database.metrics().wal.retainedBytes < logBytesWanted) {
  await side.insertRows(rowsOf(columnsOf(1000, rows, rows + batchRows), 0, batchRows))
  rows += batchRows
}
process.send?.({ rows, logBytes: side.database.metrics().wal.retainedBytes })
setInterval(() => undefined, 1000)
