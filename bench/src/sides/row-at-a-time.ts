import type { FilterAnswer, GroupRow } from '../data/expected-answers.ts'

/** count, sum(cpu), avg(mem) where cpu > threshold, for stores that hand out one row after another. */
export class RunningFilter {
  readonly #threshold: number
  #count = 0
  #sum = 0
  #memSum = 0

  constructor(threshold: number) {
    this.#threshold = threshold
  }

  add(cpu: number, mem: number): void {
    if (cpu <= this.#threshold) return
    this.#count++
    this.#sum += cpu
    this.#memSum += mem
  }

  answer(): FilterAnswer {
    return { count: this.#count, sum: this.#sum, avg: this.#memSum / this.#count }
  }
}

/** sum(cpu), avg(mem) by host, for the same stores. Hosts are small whole numbers: arrays serve better than a map. */
export class HostGroups {
  readonly #counts: number[] = []
  readonly #cpuSums: number[] = []
  readonly #memSums: number[] = []

  add(host: number, cpu: number, mem: number): void {
    this.#counts[host] = (this.#counts[host] ?? 0) + 1
    this.#cpuSums[host] = (this.#cpuSums[host] ?? 0) + cpu
    this.#memSums[host] = (this.#memSums[host] ?? 0) + mem
  }

  answer(): GroupRow[] {
    return this.#counts.map((count, host) => ({ host, sum: this.#cpuSums[host] ?? 0, avg: (this.#memSums[host] ?? 0) / count }))
  }
}
