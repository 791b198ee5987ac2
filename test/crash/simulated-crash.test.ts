import test from 'ava'
import { Simulation } from './simulation.ts'

/** `VARVE_SEED=7 npx ava test/crash/simulated-crash.test.ts` runs that seed first; `VARVE_CRASHES=5000` more of them. */
const firstSeed = Number(process.env['VARVE_SEED'] ?? 1)
const crashesWanted = Number(process.env['VARVE_CRASHES'] ?? 240)

for (const mode of ['kill', 'power'] as const) {
  const promise = mode === 'kill' ? 'acknowledged' : 'promised to be on disk'
  test.serial(
    `after a ${mode === 'kill' ? 'kill' : 'power cut'} at any moment the database opens, has every batch ${promise}, and none in part`,
    async (t) => {
      let crashes = 0
      let crashesInRecovery = 0
      let seed = firstSeed
      for (; crashes < crashesWanted / 2; seed++) {
        try {
          const result = await new Simulation(seed, { mode }).run()
          crashes += result.crashes
          crashesInRecovery += result.crashesInRecovery
        } catch (error) {
          const { message, stack } = error as Error
          t.fail(`VARVE_SEED=${seed} (${mode}): ${message}\n${stack}`)
          return
        }
      }
      t.log(`${crashes} crashes, ${crashesInRecovery} of them while opening, seeds ${firstSeed} to ${seed - 1}`)
      t.true(crashesInRecovery > 0)
    },
  )
}
