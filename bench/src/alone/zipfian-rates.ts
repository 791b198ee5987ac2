import { ChangedRows } from '../data/changed-rows.ts'
import type { Distribution } from '../data/key-choice.ts'
import { median } from '../run/median.ts'
import { openVarveWith, type VarveSide } from '../sides/varve.ts'
import { operate, type YcsbLetter, YcsbWorkload } from '../workloads/ycsb-programs.ts'
import type { Measure } from './measure.ts'

const warmUpMs = 1500
const measureMs = 4000
const goal = { atLeast: 0.8 }

/** Whether favourites slow the product down: both kinds of keys, turn by turn in one process, so that both meet the same machine. */
export const zipfianRates: Measure = {
  name: 'ycsb zipfian ÷ uniform',
  readings: [
    { figure: 'B', name: 'ycsb B, zipfian ÷ uniform', unit: '×', goal },
    { figure: 'C', name: 'ycsb C, zipfian ÷ uniform', unit: '×', goal },
  ],
  async run({ directory, rows }) {
    const side = await openVarveWith({ directory })
    const model = new ChangedRows(rows)
    await side.insertColumns(model.columns)
    await side.settle()
    const C = await ratio(side, 'C', model)
    const B = await ratio(side, 'B', model)
    await side.close()
    return { B, C }
  },
}

async function ratio(side: VarveSide, letter: YcsbLetter, model: ChangedRows): Promise<number> {
  const make = (distribution: Distribution) => ({ workload: new YcsbWorkload(letter, distribution, model), durationsMs: [] as number[] })
  const [uniform, zipfian] = [make('uniform'), make('zipfian')]
  const begunMs = performance.now()
  for (let nowMs = begunMs; nowMs < begunMs + warmUpMs + measureMs; nowMs = performance.now()) {
    for (const { workload, durationsMs } of [uniform, zipfian]) {
      const operations = workload.next()
      const fromMs = performance.now()
      await operate(side, operations)
      if (nowMs > begunMs + warmUpMs) durationsMs.push(performance.now() - fromMs)
    }
  }
  return median(uniform.durationsMs) / median(zipfian.durationsMs)
}
