import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { diskVfs } from '../../../../src/vfs/disk-vfs.ts'
import { InterceptingVfs } from '../../../../src/vfs/intercepting-vfs.ts'
import type { VfsHandle } from '../../../../src/vfs/vfs.ts'
import { localVfsHandle } from '../../../../src/vfs/vfs-handle.ts'
import { RowSetDisk } from './rowset-files.ts'

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

/**
 * The most bytes of array buffers that a job keeps alive at a time, beside what there was before: looked at when it reads,
 * every tenth time. `prepare` writes the job's input to a real disk, so that files do not count, and gives the job.
 */
export async function peakBytes(prepare: (disk: RowSetDisk) => Promise<(vfs: VfsHandle) => Promise<void>>): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'varve-compaction-'))
  try {
    const inner = diskVfs()
    const job = await prepare(new RowSetDisk(inner, directory))
    const before = heldBytes()
    let peak = 0
    let calls = 0
    const after = () => {
      if (calls++ % 10 !== 0) return
      peak = Math.max(peak, heldBytes() - before)
    }
    const vfs = new InterceptingVfs({ name: 'watched', inner, interceptor: { after } })
    await job(localVfsHandle(vfs))
    return peak
  } finally {
    await rm(directory, { recursive: true })
  }
}

/** Bytes of array buffers that something refers to. */
function heldBytes(): number {
  // What the first collection finds is freed beside the program; the second one waits for that.
  gc()
  gc()
  return process.memoryUsage().arrayBuffers
}
