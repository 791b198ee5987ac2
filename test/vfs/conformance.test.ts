import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { vfs as conformance } from '../../src/conformance/vfs.ts'
import { countingVfs } from '../../src/vfs/counting-vfs.ts'
import { diskVfs } from '../../src/vfs/disk-vfs.ts'
import { FaultVfs } from '../../src/vfs/fault-vfs.ts'
import { MemoryVfs } from '../../src/vfs/memory-vfs.ts'
import type { Vfs } from '../../src/vfs/vfs.ts'

const directories: string[] = []
test.after.always(async () => {
  for (const directory of directories) await rm(directory, { recursive: true, force: true })
})

async function onDisk(vfs: Vfs) {
  const directory = await mkdtemp(join(tmpdir(), 'varve-vfs-'))
  directories.push(directory)
  return { vfs, directory }
}

async function inMemory(wrap: (vfs: MemoryVfs) => Vfs) {
  const vfs = new MemoryVfs()
  await vfs.makeDirectory('/some/directory')
  return { vfs: wrap(vfs), directory: '/some/directory' }
}

const fixtures = {
  disk: () => onDisk(diskVfs()),
  'faults over disk': () => onDisk(new FaultVfs(diskVfs())),
  'counters over disk': () => onDisk(countingVfs(diskVfs())),
  memory: () => inMemory((vfs) => vfs),
  'counters over memory': () => inMemory(countingVfs),
}

for (const [name, make] of Object.entries(fixtures)) {
  conformance((title, run) => {
    test(`${name}: ${title}`, async (t) => {
      await run()
      t.pass()
    })
  }, make)
}
