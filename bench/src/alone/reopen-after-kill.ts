import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { requireEqual } from '../data/expected-answers.ts'
import { openVarveWith } from '../sides/varve.ts'
import type { Measure } from './measure.ts'

const mebibyte = 2 ** 20

/** Fills a log of 64 MiB in a process of its own, kills that with SIGKILL, and opens what it left. */
export const reopenAfterKill: Measure = {
  name: 'reopening after a kill',
  readings: [
    { figure: 'seconds', name: 'reopening after a kill with 64 MiB of log', unit: 's', goal: { atMost: 1 } },
    { figure: 'logMiB', name: 'the log that was replayed', unit: 'MiB' },
    { figure: 'rows', name: 'the rows that were replayed', unit: 'rows' },
  ],
  async run({ directory }) {
    const filler = fork(fileURLToPath(new URL('./fill-log.js', import.meta.url)), [directory])
    const { rows, logBytes } = await new Promise<{ rows: number; logBytes: number }>((resolve, reject) => {
      filler.once('message', (message) => resolve(message as { rows: number; logBytes: number }))
      filler.once('exit', (code) => reject(new Error(`The process that fills the log ended with ${code}.`)))
    })
    const dead = new Promise((resolve) => filler.once('exit', resolve))
    filler.kill('SIGKILL')
    await dead
    const begunMs = performance.now()
    const side = await openVarveWith({ directory })
    const seconds = (performance.now() - begunMs) / 1000
    requireEqual('the number of rows after the kill', await side.count(), rows)
    await side.close()
    return { seconds, logMiB: logBytes / mebibyte, rows }
  },
}
