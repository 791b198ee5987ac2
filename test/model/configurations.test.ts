/** The same operations under other configurations: the same rows, whatever maintenance does. */
import test from 'ava'
import fc from 'fast-check'
import type { DatabaseConfig } from '../../src/index.ts'
import { ModelRun } from './run.ts'
import { configs, steps } from './steps.ts'

const seed = Number(process.env['VARVE_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

test(`the same operations read identically under ten random configurations (seed ${seed})`, async (t) => {
  t.timeout(120_000)
  const [operations = []] = fc.sample(steps(200), { seed, numRuns: 1 })
  const random = fc.sample(fc.record({ config: configs, tablets: fc.integer({ min: 1, max: 7 }), busy: fc.boolean() }), {
    seed,
    numRuns: 10,
  })
  let first: unknown
  for (const { config, tablets, busy } of random) {
    // Half of them without what collects garbage, or with maintenance that finds something to do all the time.
    const more: Partial<DatabaseConfig> = busy
      ? { maintenance: { pollIntervalMs: 5 } }
      : { disable: [...(config.disable ?? []), 'garbage-collection'] }
    const rows = await new ModelRun({ ...config, ...more }, { tablets, maintenance: busy }).run(operations)
    first ??= rows
    t.deepEqual(rows, first, JSON.stringify({ config, tablets, busy }))
  }
})
