import { avg, bucket, count, gt } from 'varve'
import type { FlightsTable } from './flights-table.ts'

/** One line of an answer: values by heading. */
export type AnswerRow = Readonly<Record<string, string | number>>

/** A question, and how to ask the table. */
export interface Question {
  readonly title: string
  ask(table: FlightsTable): Promise<AnswerRow[]>
}

export interface Answer {
  readonly question: string
  readonly rows: readonly AnswerRow[]
  /** The first time it was asked. */
  readonly firstMs: number
  /** Asked again at once: what was read from disk is in the cache now, and the code is compiled. */
  readonly againMs: number
}

/** The six questions, for a table of so many rows. */
export function questionsFor(rowCount: number): Question[] {
  // Few flights make wild means: as many are asked for as 1,000 (100 for a route) of 3,000,000.
  const airportMin = Math.max(10, Math.round(rowCount / 3000))
  const routeMin = Math.max(10, Math.round(rowCount / 30_000))
  return [
    { title: 'Which airports are the busiest?', ask: busiestAirports },
    {
      title: `From which airports do flights arrive latest? (airports with ${airportMin} flights or more)`,
      ask: (table) => delayByOrigin(table, airportMin),
    },
    { title: `Which routes are the worst? (with ${routeMin} flights or more)`, ask: (table) => worstRoutes(table, routeMin) },
    { title: 'What share of flights is more than an hour late?', ask: shareOverAnHourLate },
    { title: 'How late do flights arrive, by month?', ask: delayByMonth },
    { title: 'Ten flights by their number', ask: (table) => tenFlights(table, rowCount) },
  ]
}

/** Asks every question twice, one after the other. */
export async function answerAll(table: FlightsTable, rowCount: number): Promise<Answer[]> {
  const answers: Answer[] = []
  for (const { title, ask } of questionsFor(rowCount)) {
    const begunMs = performance.now()
    const rows = await ask(table)
    const answeredMs = performance.now()
    await ask(table)
    answers.push({ question: title, rows, firstMs: answeredMs - begunMs, againMs: performance.now() - answeredMs })
  }
  return answers
}

function busiestAirports(table: FlightsTable): Promise<AnswerRow[]> {
  return table.aggregate({
    groupBy: ['origin'],
    select: { departures: count() },
    orderBy: [{ column: 'departures', direction: 'descending' }, 'origin'],
    limit: 10,
  })
}

async function delayByOrigin(table: FlightsTable, flightsMin: number): Promise<AnswerRow[]> {
  const airports = await table.aggregate({
    groupBy: ['origin'],
    select: { flights: count(), meanDelayMinutes: avg('delay') },
    orderBy: [{ column: 'meanDelayMinutes', direction: 'descending' }, 'origin'],
  })
  return withEnough(airports, flightsMin)
}

async function worstRoutes(table: FlightsTable, flightsMin: number): Promise<AnswerRow[]> {
  const routes = await table.aggregate({
    groupBy: ['origin', 'destination'],
    select: { flights: count(), meanDelayMinutes: avg('delay') },
    orderBy: [{ column: 'meanDelayMinutes', direction: 'descending' }, 'origin', 'destination'],
  })
  return withEnough(routes, flightsMin)
}

async function shareOverAnHourLate(table: FlightsTable): Promise<AnswerRow[]> {
  const [late, flights] = await Promise.all([table.count({ where: gt('delay', 60) }), table.count()])
  return [{ flights, late, sharePercent: flights === 0 ? 0 : (100 * late) / flights }]
}

async function delayByMonth(table: FlightsTable): Promise<AnswerRow[]> {
  const months = await table.aggregate({
    groupBy: { month: bucket('date', '1mo') },
    select: { flights: count(), meanDelayMinutes: avg('delay') },
    orderBy: 'month',
  })
  return months.map(({ month, flights, meanDelayMinutes }) => ({
    month: new Date(month).toISOString().slice(0, 'yyyy-mm'.length),
    flights,
    meanDelayMinutes: meanDelayMinutes ?? 0,
  }))
}

async function tenFlights(table: FlightsTable, rowCount: number): Promise<AnswerRow[]> {
  const found: AnswerRow[] = []
  for (let i = 0; i < 10; i++) {
    const flight = await table.get(Math.floor(((i + 0.5) * rowCount) / 10))
    if (flight) found.push({ ...flight, date: new Date(flight.date).toISOString().slice(0, 'yyyy-mm-ddThh:mm'.length) })
  }
  return found
}

/** The first ten that stand on enough flights. */
function withEnough<R extends { flights: number; meanDelayMinutes: number | null }>(groups: readonly R[], flightsMin: number) {
  return groups
    .filter(({ flights }) => flights >= flightsMin)
    .slice(0, 10)
    .map((group) => ({ ...group, meanDelayMinutes: group.meanDelayMinutes ?? 0 }))
}
