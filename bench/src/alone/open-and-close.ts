import { join } from 'node:path'
import { open } from '../../../src/index.ts'
import { median } from '../run/median.ts'
import type { Measure } from './measure.ts'

const times = 7

/** Opens a database that does not exist and closes it; then opens the one that was made, and closes it. */
export const openAndClose: Measure = {
  name: 'open and close',
  readings: [
    { figure: 'createMs', name: 'create an empty database and close it', unit: 'ms' },
    { figure: 'reopenMs', name: 'open an empty database and close it', unit: 'ms' },
  ],
  async run({ directory }) {
    const durations = { create: [] as number[], reopen: [] as number[] }
    for (let time = 0; time < times; time++) {
      const path = join(directory, `empty-${time}`)
      durations.create.push(await openOnce(path))
      durations.reopen.push(await openOnce(path))
    }
    return { createMs: median(durations.create), reopenMs: median(durations.reopen) }
  },
}

async function openOnce(directory: string): Promise<number> {
  const begunMs = performance.now()
  const database = await open(directory)
  await database.close()
  return performance.now() - begunMs
}
