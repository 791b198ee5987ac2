/**
 * How far a time zone's clock is ahead of UTC, at any moment. `Intl` knows, at microseconds a question; it is asked
 * once for each day, and where the answers of two days differ, the moment of the change is searched for once.
 */
const dayMs = 86_400_000

interface Change {
  /** The first millisecond of the new offset. */
  readonly atMs: number
  readonly beforeMs: number
  readonly afterMs: number
}

export class ZoneOffsets {
  readonly #format: Intl.DateTimeFormat
  readonly #atDayStart = new Map<number, number>()
  readonly #changes = new Map<number, Change>()

  /** TypeError for a time zone that nobody knows. */
  constructor(timeZone: string) {
    try {
      this.#format = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' })
    } catch (error) {
      throw new TypeError(`timeZone is the IANA name of a time zone, such as 'Europe/Berlin' or 'UTC'; got ${JSON.stringify(timeZone)}.`, {
        cause: error,
      })
    }
  }

  /** What the zone's clock shows minus UTC, in milliseconds. */
  at(utcMs: number): number {
    const day = Math.floor(utcMs / dayMs)
    const beforeMs = this.#ofDay(day)
    if (this.#ofDay(day + 1) === beforeMs) return beforeMs
    const change = this.#changeOf(day)
    return utcMs < change.atMs ? change.beforeMs : change.afterMs
  }

  /** The first moment at which the zone's clock shows a local time, or, if it leaps over it, a later one. */
  firstMoment(localMs: number): number {
    const earlyMs = this.at(localMs - dayMs)
    const lateMs = this.at(localMs + dayMs)
    if (earlyMs === lateMs) return localMs - earlyMs
    let first = Number.POSITIVE_INFINITY
    for (const candidate of [localMs - earlyMs, localMs - lateMs, this.lastChange(localMs - dayMs, localMs + dayMs)]) {
      if (candidate < first && candidate + this.at(candidate) >= localMs) first = candidate
    }
    return first
  }

  /** The first moment of the offset that holds at `untilMs`, if another one holds at `fromMs`. */
  lastChange(fromMs: number, untilMs: number): number {
    const offsetMs = this.at(untilMs)
    let low = fromMs
    let high = untilMs
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2)
      if (this.at(middle) === offsetMs) high = middle
      else low = middle
    }
    return high
  }

  #changeOf(day: number): Change {
    let change = this.#changes.get(day)
    if (!change) {
      const beforeMs = this.#ofDay(day)
      let low = day * dayMs
      let high = low + dayMs
      while (high - low > 1) {
        const middle = Math.floor((low + high) / 2)
        if (this.#ask(middle) === beforeMs) low = middle
        else high = middle
      }
      change = { atMs: high, beforeMs, afterMs: this.#ofDay(day + 1) }
      this.#changes.set(day, change)
    }
    return change
  }

  #ofDay(day: number): number {
    let offsetMs = this.#atDayStart.get(day)
    if (offsetMs === undefined) {
      offsetMs = this.#ask(day * dayMs)
      this.#atDayStart.set(day, offsetMs)
    }
    return offsetMs
  }

  /** Of a moment outside the range of dates: the offset at its edge. */
  #ask(utcMs: number): number {
    const within = Math.min(Math.max(utcMs, -8.64e15), 8.64e15)
    const name = this.#format.formatToParts(within).find(({ type }) => type === 'timeZoneName')?.value ?? 'GMT'
    const [, sign, hours = '0', minutes = '0', seconds = '0'] = /GMT([+−-])(\d+):(\d+)(?::(\d+))?/.exec(name) ?? []
    const offsetMs = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000
    return sign === undefined ? 0 : sign === '+' ? offsetMs : -offsetMs
  }
}
