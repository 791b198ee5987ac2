import test from 'ava'
import { SeededRandom } from '../../src/base/seeded-random.ts'
import { MemoryFile } from '../../src/vfs/memory-file.ts'

/** Whether `found` is the content after one of the changes, cut within that change if it was an append, with at most one damaged sector. */
function couldBeLeft(found: Buffer, states: readonly Buffer[]): boolean {
  return states.some((state, i) => {
    const before = states[i - 1]
    const shortest = before && before.length < state.length ? before.length : state.length
    if (found.length < shortest || found.length > state.length) return false
    const damaged = [...found.keys()].filter((at) => found[at] !== state[at])
    const [first, last] = [damaged[0] ?? 0, damaged.at(-1) ?? 0]
    return Math.floor(first / 512) === Math.floor(last / 512)
  })
}

test('after random appends, truncations and syncs, a power cut leaves a state since the last sync, and never harms synced bytes', (t) => {
  const firstSeed = Math.floor(Math.random() * 1e6)
  t.log(`seeds from ${firstSeed}`)
  const leftStates = new Set<number>()
  for (let seed = firstSeed; seed < firstSeed + 400; seed++) {
    const random = new SeededRandom(seed)
    const file = new MemoryFile()
    let states: Buffer[] = [Buffer.alloc(0)]
    for (let step = 0; step < 12; step++) {
      const content = states.at(-1) as Buffer
      const choice = random.below(8)
      if (choice < 5) {
        const bytes = Buffer.from(Array.from({ length: 1 + random.below(900) }, () => random.below(256)))
        file.append(bytes)
        states.push(Buffer.concat([content, bytes]))
      } else if (choice < 7) {
        const length = random.below(content.length + 1)
        file.truncate(length)
        states.push(content.subarray(0, length))
      } else {
        file.settle(file.mark())
        states = [content]
      }
      const now = states.at(-1) as Buffer
      t.true(now.equals(file.read(0, 1e9)), `seed ${seed}`)
      const left = file.afterPowerCut(random)
      const found = Buffer.from(left.read(0, 1e9))
      if (!couldBeLeft(found, states)) t.fail(`seed ${seed}, step ${step}: what is left was never there`)
      // Appends run into one change, so any length between is possible; what no state disagrees on must be intact.
      const untouched = Math.min(...states.map((state) => state.length))
      if (!found.subarray(0, untouched).equals(now.subarray(0, untouched))) t.fail(`seed ${seed}, step ${step}: synced bytes are gone`)
      leftStates.add(states.findIndex((state) => state.equals(found)))
      t.true(file.read(0, 1e9).length === now.length, 'a power cut works on a copy')
    }
  }
  // Intact first, middle and last states and damaged ones must all have occurred.
  for (const index of [-1, 0, 1, 2, 3]) t.true(leftStates.has(index), `state ${index}`)
})
