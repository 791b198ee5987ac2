/**
 * Random operations against a plain model: every kind of write, batches, snapshots, flushes and compactions at any moment,
 * checkpoints, reopening, kills and power cuts, also while something is under way. `VARVE_SEED` plays a round again, `VARVE_RUNS` and `VARVE_STEPS` change its size.
 */
import test from 'ava'
import fc from 'fast-check'
import { ModelRun } from './run.ts'
import { configs, steps } from './steps.ts'

const seed = Number(process.env['VARVE_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const numRuns = Number(process.env['VARVE_RUNS'] ?? 300)
const stepCount = Number(process.env['VARVE_STEPS'] ?? 200)

test(`random operations read as the model says (seed ${seed})`, async (t) => {
  t.timeout(600_000)
  let ran = 0
  const past = { answered: 0, refused: 0 }
  const found = await fc.check(
    fc.asyncProperty(configs, steps(stepCount), async (config, list) => {
      const run = new ModelRun(config)
      await run.run(list)
      ran += run.stepCount
      past.answered += run.moments.counts.answered
      past.refused += run.moments.counts.refused
    }),
    { seed, numRuns, interruptAfterTimeLimit: 500_000 },
  )
  if (found.failed) {
    const error = found.errorInstance
    t.fail(
      `${error instanceof Error ? error.stack : String(error)}\nseed ${found.seed}, path ${found.counterexamplePath}\n${fc.stringify(found.counterexample?.[0])}\n${(found.counterexample?.[1] ?? []).map((step) => fc.stringify(step)).join('\n')}`,
    )
  }
  t.log(`${ran} steps; of reads of the past, ${past.answered} answered and ${past.refused} refused, as history was not kept`)
  t.is(found.numRuns, numRuns, 'time ran out')
})
