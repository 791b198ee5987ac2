import { defineTable, int16, int32, string, type Table, timestamp } from 'varve'

/** One row a flight. The data has no key of its own, so the row's number in the source is it. */
export const flights = defineTable('flights', {
  columns: {
    number: int32(),
    /** Local time of departure, kept as if it were UTC. */
    date: timestamp(),
    /** Minutes late on arrival; negative: early. */
    delay: int16(),
    /** Miles. */
    distance: int16(),
    /** Airport codes, as `SEA`. */
    origin: string(),
    destination: string(),
  },
  primaryKey: ['number'],
})

export type FlightsTable = Table<typeof flights>
