import { and, eq, lt } from 'varve'
import { type CorrectionCounts, corrections, trialNumbers } from './corrections.ts'
import type { FlightsTable } from './flights-table.ts'

/** Rows of one call that names them by key. */
const callRows = 20_000

/** One correction, as it was made. */
export interface ChangeRecord {
  readonly name: keyof CorrectionCounts
  /** In words. */
  readonly what: string
  readonly call: 'updateWhere' | 'update' | 'deleteWhere' | 'delete'
  readonly rows: number
  readonly durationMs: number
}

/** Corrects the flights, by condition and by key; every call is applied as a whole. */
export async function changeFlights(table: FlightsTable, rowCount: number): Promise<ChangeRecord[]> {
  const { onTimeOrigin, landingOrigin, gateMinutes, distanceMin, trialStep } = corrections
  const early = and(eq('origin', onTimeOrigin), lt('delay', 0))
  return [
    await timed('onTime', `early flights from ${onTimeOrigin} count as on time`, 'updateWhere', () =>
      table.updateWhere(early, { delay: 0 }),
    ),
    await timed('atGate', `delays from ${landingOrigin} rise by ${gateMinutes} minutes`, 'update', () => moveToGate(table)),
    await timed('tooShort', `flights below ${distanceMin} miles go`, 'deleteWhere', () => table.deleteWhere(lt('distance', distanceMin))),
    await timed('trial', `one of ${trialStep.toLocaleString('en-US')} was made up, and goes`, 'delete', () =>
      table.delete(trialNumbers(rowCount)),
    ),
  ]
}

/** A new delay depends on the old one: the flights are read, at one snapshot, and changed by key. */
async function moveToGate(table: FlightsTable): Promise<number> {
  let changes: { number: number; delay: number }[] = []
  let rows = 0
  const apply = async () => {
    rows += await table.update(changes)
    changes = []
  }
  const flights = table.scan({ columns: ['number', 'delay'], where: eq('origin', corrections.landingOrigin) })
  for await (const { number, delay } of flights) {
    changes.push({ number, delay: delay + corrections.gateMinutes })
    if (changes.length === callRows) await apply()
  }
  if (changes.length > 0) await apply()
  return rows
}

async function timed(
  name: ChangeRecord['name'],
  what: string,
  call: ChangeRecord['call'],
  change: () => Promise<number>,
): Promise<ChangeRecord> {
  const begunMs = performance.now()
  const rows = await change()
  return { name, what, call, rows, durationMs: performance.now() - begunMs }
}
