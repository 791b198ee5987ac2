import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { InvariantError, systemCode } from '../../src/base/errors.ts'
import { SeededRandom } from '../../src/base/seeded-random.ts'
import { diskVfs } from '../../src/vfs/disk-vfs.ts'
import { MemoryVfs } from '../../src/vfs/memory-vfs.ts'
import { type AppendFile, joinPath, type ReadableFile, type Vfs } from '../../src/vfs/vfs.ts'

const names = ['a', 'b', 'sub', 'sub/a', 'sub/b', 'sub/deep', 'sub/deep/c', 'a/x', 'none/y']

/** One user of a file system. Fed the same numbers, its twin on another file system must see the same. */
class Session {
  readonly #vfs: Vfs
  readonly #root: string
  readonly #random: SeededRandom
  readonly #writers: AppendFile[] = []
  readonly #readers: ReadableFile[] = []

  constructor(vfs: Vfs, root: string, seed: number) {
    this.#vfs = vfs
    this.#root = root
    this.#random = new SeededRandom(seed)
  }

  /** Does one random thing and says what came of it. */
  async step(): Promise<string> {
    const random = this.#random
    const choice = random.below(20)
    const [one, two] = [this.#path(), this.#path()]
    const [writer, reader] = [this.#pick(this.#writers), this.#pick(this.#readers)]
    const [x, y] = [random.below(300), random.below(300)]
    const label = `${choice} ${one.slice(this.#root.length)} ${two.slice(this.#root.length)} ${x} ${y}: `
    try {
      return label + JSON.stringify((await this.#do(choice, { one, two, writer, reader, x, y })) ?? 'done')
    } catch (error) {
      return (
        label +
        (error instanceof InvariantError || error instanceof TypeError ? error.constructor.name : (systemCode(error) ?? String(error)))
      )
    }
  }

  async close(): Promise<void> {
    for (const file of [...this.#writers, ...this.#readers]) await file.close()
  }

  #do(
    choice: number,
    o: { one: string; two: string; writer: AppendFile | undefined; reader: ReadableFile | undefined; x: number; y: number },
  ) {
    const { one, two, writer, reader, x, y } = o
    const vfs = this.#vfs
    const bytes = Uint8Array.from({ length: x }, (_, i) => (i + y) & 0xff)
    switch (choice) {
      case 0:
      case 1:
        return this.#keepWriter(() => vfs.create(one))
      case 2:
        return this.#keepWriter(() => vfs.openAppend(one))
      case 3:
        return vfs.open(one).then(async (file) => {
          // A directory is refused when opened or when first read.
          try {
            await file.read(0, 1)
          } catch (error) {
            await file.close()
            throw error
          }
          this.#readers.push(file)
        })
      case 4:
      case 5:
      case 6:
        return writer?.append(bytes).then(() => writer.sizeBytes)
      case 7:
        writer?.appendSync(bytes)
        return writer?.sizeBytes
      case 8:
        return writer?.truncate(x).then(() => writer.sizeBytes)
      case 9:
        return writer?.sync()
      case 10:
        return reader?.read(x, y).then((found) => [...found])
      case 11:
        return reader && [...reader.readSync(x, y)]
      case 12:
        return reader?.size()
      case 13:
        return vfs.list(one)
      case 14:
        return vfs.stat(one).then((stat) => stat && [stat.sizeBytes, stat.isDirectory])
      case 15:
        return this.#renameFile(one, two)
      case 16:
        return vfs.link(one, two)
      case 17:
        return vfs.remove(one)
      case 18:
        return vfs.makeDirectory(one)
      default:
        return vfs.readFile(one).then((found) => [...found])
    }
  }

  /** The contract leaves open what becomes of directories that are renamed. */
  async #renameFile(from: string, to: string): Promise<void> {
    if (!(await this.#vfs.stat(from))?.isDirectory) await this.#vfs.rename(from, to)
  }

  /** The contract allows one writer to a file, and a file may have several names: so there is one writer at a time. */
  async #keepWriter(open: () => Promise<AppendFile>): Promise<void> {
    for (const other of this.#writers.splice(0)) await other.close()
    this.#writers.push(await open())
  }

  #path(): string {
    return joinPath(this.#root, names[this.#random.below(names.length)] as string)
  }

  #pick<T>(from: readonly T[]): T | undefined {
    const index = this.#random.below(8)
    return from.length === 0 ? undefined : from[index % from.length]
  }
}

test('three thousand random calls give the same results and error codes on disk and in memory', async (t) => {
  const firstSeed = Math.floor(Math.random() * 1e6)
  t.log(`seeds from ${firstSeed}`)
  const ends = new Map<string, number>()
  for (let seed = firstSeed; seed < firstSeed + 12; seed++) {
    const directory = await mkdtemp(join(tmpdir(), 'varve-agree-'))
    const memory = new MemoryVfs()
    await memory.makeDirectory(directory)
    const sessions = [new Session(diskVfs(), directory, seed), new Session(memory, directory, seed)] as const
    for (let step = 0; step < 250; step++) {
      const [onDisk, inMemory] = [await sessions[0].step(), await sessions[1].step()]
      if (onDisk !== inMemory) t.is(inMemory, onDisk, `seed ${seed}, step ${step}`)
      const end = /: ([A-Z]+)$/.exec(onDisk)?.[1] ?? 'done'
      ends.set(end, (ends.get(end) ?? 0) + 1)
    }
    for (const session of sessions) await session.close()
    await rm(directory, { recursive: true })
  }
  // The walk must have been through both success and the usual failures to mean anything.
  for (const end of ['done', 'ENOENT', 'EEXIST']) t.true((ends.get(end) ?? 0) > 50, `${end}: ${ends.get(end)}`)
})
