import { threadId } from 'node:worker_threads'
import type { Vfs, VfsHandle } from './vfs.ts'

/** Handles of one thread are numbered from its id times this, so that no thread takes another's number for its own. */
const numbersPerThread = 2 ** 32

interface LocalVfsRegistry {
  next: number
  readonly byNumber: Map<number, WeakRef<Vfs>>
  readonly numberOf: WeakMap<Vfs, number>
  readonly forget: FinalizationRegistry<number>
}

/** Two loaded copies of Varve share one registry per thread. */
function registry(): LocalVfsRegistry {
  const holder = globalThis as { [key: symbol]: LocalVfsRegistry | undefined }
  const key = Symbol.for('varve/local-vfs')
  let found = holder[key]
  if (!found) {
    const byNumber = new Map<number, WeakRef<Vfs>>()
    found = {
      next: threadId * numbersPerThread + 1,
      byNumber,
      numberOf: new WeakMap(),
      forget: new FinalizationRegistry((n) => byNumber.delete(n)),
    }
    holder[key] = found
  }
  return found
}

/** The handle of a file system that lives in this thread's memory; valid in this thread for as long as `vfs` lives. */
export function localVfsHandle(vfs: Vfs): VfsHandle {
  const local = registry()
  let number = local.numberOf.get(vfs)
  if (number === undefined) {
    number = local.next++
    local.numberOf.set(vfs, number)
    local.byNumber.set(number, new WeakRef(vfs))
    local.forget.register(vfs, number)
  }
  return { local: number }
}

/**
 * The file system that a handle names. Jobs call it with the handle that they were given as data. TypeError if the
 * files live in another thread's memory, or the module has no `openVfs`.
 */
export async function openVfsHandle(handle: VfsHandle): Promise<Vfs> {
  if ('local' in handle) return openLocal(handle.local)
  const module = (await import(handle.module)) as { openVfs?: unknown }
  if (typeof module.openVfs !== 'function') {
    throw new TypeError(`${handle.module} cannot open a file system: it does not export a function openVfs(data).`)
  }
  return (await (module.openVfs as (data: unknown) => Vfs | Promise<Vfs>)(handle.data)) as Vfs
}

function openLocal(number: number): Vfs {
  const found = registry().byNumber.get(number)?.deref()
  if (found) return found
  const owner = Math.floor(number / numbersPerThread)
  const why = owner === threadId ? 'it no longer exists' : `it lives in the memory of thread ${owner}, and this is thread ${threadId}`
  throw new TypeError(`File system ${number} cannot be opened here: ${why}. Run jobs on an InlineWorkerPool, or keep the files on disk.`)
}
