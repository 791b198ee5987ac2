/**
 * What is corrected once the flights are in the table, as rules: `change-flights.ts` asks the table to follow them, and
 * `corrected` says what must become of a flight, so that the one can be held against the other.
 */
import type { FlightColumns } from './flight-columns.ts'

export const corrections = {
  /** Flights from here that arrived early count as on time. */
  onTimeOrigin: 'ORD',
  /** From here, delay was taken at landing; the way to the gate takes some minutes more. */
  landingOrigin: 'LAX',
  gateMinutes: 4,
  /** Shorter ones are not kept. */
  distanceMin: 120,
  /** Every so many-th number, from the middle of the first, was made up to try the system out. */
  trialStep: 1000,
} as const

/** How many rows each correction concerns. */
export interface CorrectionCounts {
  onTime: number
  atGate: number
  tooShort: number
  trial: number
}

/** The numbers of flights that were made up, of so many. */
export function trialNumbers(rowCount: number): number[] {
  const numbers: number[] = []
  for (let number = corrections.trialStep / 2; number < rowCount; number += corrections.trialStep) numbers.push(number)
  return numbers
}

/** The delay of a flight once everything is corrected; undefined: it is gone. Counts what was done, in the order in which it is done. */
export function corrected(columns: FlightColumns, i: number, counts: CorrectionCounts): number | undefined {
  const { onTimeOrigin, landingOrigin, gateMinutes, distanceMin, trialStep } = corrections
  const origin = columns.origin.dictionary[columns.origin.codes[i] as number]
  let delay = columns.delay[i] as number
  if (origin === onTimeOrigin && delay < 0) {
    delay = 0
    counts.onTime++
  }
  if (origin === landingOrigin) {
    delay += gateMinutes
    counts.atGate++
  }
  if ((columns.distance[i] as number) < distanceMin) {
    counts.tooShort++
    return undefined
  }
  if ((columns.number[i] as number) % trialStep !== trialStep / 2) return delay
  counts.trial++
  return undefined
}
