import { WindowKnapsackPolicy } from '../../../plugins/merging-compaction/policy/window-knapsack-policy.ts'
import { realTablet } from '../data/real-tablet.ts'
import { median } from '../run/median.ts'
import type { Measure, Reading } from './measure.ts'

/** Least height to remove, by budget in MiB: what Kudu's published algorithm removes. */
const goals = new Map([
  [128, 0.118],
  [256, 0.247],
  [512, 0.515],
  [1024, 1.05],
])
const targetBytes = 32 * 2 ** 20
const decisionMsMax = 50
const runs = 15

/** One budget's choice for the real tablet, and how long it took. */
export interface Decision {
  readonly budgetMiB: number
  readonly rowsets: number
  readonly chosenMiB: number
  readonly averageHeight: number
  readonly heightRemoved: number
  readonly heightRemovedPerMiB: number
  /** The first of all, before V8 has compiled anything, and the median of those that follow. */
  readonly firstMs: number
  readonly decisionMs: number
  readonly met: boolean
}

export function decisions(): Decision[] {
  const rowsets = realTablet()
  const policy = new WindowKnapsackPolicy()
  return Array.from(goals, ([budgetMiB, atLeast]) => {
    const times: number[] = []
    const decide = () => {
      const begunMs = performance.now()
      const choice = policy.choose({ rowsets, budgetBytes: budgetMiB * 2 ** 20, targetBytes })
      times.push(performance.now() - begunMs)
      return choice
    }
    const { rowsets: chosen, bytes, averageHeight, heightRemoved, heightRemovedPerMiB } = decide()
    while (times.length < runs) decide()
    const decisionMs = median(times.slice(1))
    return {
      budgetMiB,
      rowsets: chosen.length,
      chosenMiB: bytes / 2 ** 20,
      averageHeight,
      heightRemoved,
      heightRemovedPerMiB,
      firstMs: times[0] as number,
      decisionMs,
      met: heightRemoved >= atLeast && decisionMs < decisionMsMax,
    }
  })
}

/** Lets the merging policy choose among the rowsets of a real tablet. */
export const mergingPolicy: Measure = {
  name: 'merging-policy',
  readings: Array.from(goals, ([budgetMiB, atLeast]): Reading[] => {
    const line = (what: string) => `merging-policy, ${budgetMiB} MiB: ${what}`
    return [
      { figure: `${budgetMiB}:heightRemoved`, name: line('removed of the average height'), unit: 'rowsets', goal: { atLeast } },
      { figure: `${budgetMiB}:heightRemovedPerMiB`, name: line('removed for each MiB'), unit: 'rowsets/MiB' },
      { figure: `${budgetMiB}:chosenMiB`, name: line('to rewrite'), unit: 'MiB' },
      { figure: `${budgetMiB}:decisionMs`, name: line('decision'), unit: 'ms', goal: { atMost: decisionMsMax } },
    ]
  }).flat(),
  async run() {
    return Object.fromEntries(
      decisions().flatMap(({ budgetMiB, heightRemoved, heightRemovedPerMiB, chosenMiB, decisionMs }) => [
        [`${budgetMiB}:heightRemoved`, heightRemoved],
        [`${budgetMiB}:heightRemovedPerMiB`, heightRemovedPerMiB],
        [`${budgetMiB}:chosenMiB`, chosenMiB],
        [`${budgetMiB}:decisionMs`, decisionMs],
      ]),
    )
  },
}
