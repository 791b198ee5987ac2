import { VarveError } from '../base/errors.ts'
import type { Tablet } from '../tablet/tablet.ts'
import { msOfTimestamp } from './hybrid-clock.ts'

/**
 * HISTORY_NOT_RETAINED if a flush or a compaction has dropped what a read of the tablet at this timestamp would need. Cheap:
 * every read asks where it begins, and those that wait ask again, as the horizon may have risen meanwhile.
 */
export function requireHistory(tablet: Tablet, timestamp: number): void {
  if (timestamp < tablet.state.historyHorizon) throw notRetained(tablet, timestamp)
}

function notRetained({ table, ordinal, state }: Tablet, timestamp: number): VarveError {
  // A read as of a millisecond sees all of it, so that the one in which the horizon lies can still be asked for.
  const horizon = new Date(msOfTimestamp(state.historyHorizon))
  const asked = new Date(msOfTimestamp(timestamp))
  return new VarveError(
    'HISTORY_NOT_RETAINED',
    `Table ${table} keeps its history from ${horizon.toISOString()} on; the read asks for ${asked.toISOString()}. ` +
      'Ask for a later time. To keep more, raise history.retentionMs (of one table: retention.historyMs of its definition), ' +
      'or hold a snapshot open.',
    { context: { table, tablet: ordinal, horizon, asked, option: 'history.retentionMs' } },
  )
}
