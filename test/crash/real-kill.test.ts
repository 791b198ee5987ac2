/**
 * Real processes on a real disk, killed by SIGKILL at moments that nobody chose: what a child said it had stored must
 * be there. The seed decides what each child writes and about when it is killed.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { SeededRandom } from '../../src/base/seeded-random.ts'
import { open, VarveError } from '../../src/index.ts'
import { inserted, killed } from './kill-child.ts'

const seed = Number(process.env['VARVE_SEED'] ?? 1)
const kills = Number(process.env['VARVE_KILLS'] ?? 10)
const lanes = 2

/** Starts a child, kills it without warning some time after it has acknowledged a batch or come to a flush; resolves with the batches it acknowledged. */
async function runAndKill(directory: string, childSeed: number, random: SeededRandom): Promise<Set<number>> {
  const child = spawn(
    process.execPath,
    ['--import=tsx', fileURLToPath(new URL('./kill-child.ts', import.meta.url)), directory, String(childSeed)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  const acknowledged = new Set<number>()
  const target = ['acknowledgement', 'flush:begin', 'flush:end'][random.below(3)]
  const enough = target === 'acknowledgement' ? 5 + random.below(300) : 1 + random.below(3)
  let seen = 0
  const exited = once(child, 'exit')
  for await (const line of createInterface({ input: child.stdout })) {
    const event = line.startsWith('flush') ? line : 'acknowledgement'
    if (event === 'acknowledgement') acknowledged.add(Number(line))
    if (event === target && ++seen === enough) setTimeout(() => child.kill('SIGKILL'), random.below(20))
  }
  const [code, signal] = (await exited) as [number | null, string | null]
  if (signal !== 'SIGKILL') throw new Error(`the child ended by itself: code ${code}, signal ${signal}`)
  return acknowledged
}

test('ten processes killed without warning lose no batch that they had acknowledged, and leave none in part', async (t) => {
  const lane = async (number: number) => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'varve-kill-'))
    const random = new SeededRandom(seed * 100 + number)
    let expected = new Set<number>()
    let flushedFiles = 0
    try {
      for (let round = 0; round < kills / lanes; round++) {
        const acknowledged = await runAndKill(directory, random.below(2 ** 31), random)
        const db = await open({ directory, createIfMissing: false })
        const rows = await db.table(killed).scan().toArray()
        const found = new Map<number, number>()
        for (const row of rows) {
          const { size, text } = inserted(row.batch, row.i)
          if (row.size !== size || row.text !== text) t.fail(`VARVE_SEED=${seed}: a row that nobody wrote: ${JSON.stringify(row)}`)
          found.set(row.batch, (found.get(row.batch) ?? 0) + 1)
        }
        t.deepEqual(
          [...found].filter(([batch, count]) => count !== inserted(batch, 0).size),
          [],
          `VARVE_SEED=${seed}: batches in part`,
        )
        t.deepEqual(
          [...expected, ...acknowledged].filter((batch) => !found.has(batch)),
          [],
          `VARVE_SEED=${seed}: batches lost`,
        )
        flushedFiles += db.metrics().files.sstables
        expected = new Set(found.keys())
        await db.close()
      }
      t.log(`${directory}: ${expected.size} batches, ${flushedFiles} SSTables met`)
      t.true(expected.size > kills)
    } finally {
      fs.rmSync(directory, { recursive: true, force: true })
    }
  }
  await Promise.all(Array.from({ length: lanes }, (_, number) => lane(number)))
})

test('a directory that another process has open is refused, naming that process; once it is killed it can be opened, even with a damaged LOCK', async (t) => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'varve-lock-'))
  const child = spawn(process.execPath, ['--import=tsx', fileURLToPath(new URL('./kill-child.ts', import.meta.url)), directory, '1'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    await once(child.stdout, 'data')
    const error = await t.throwsAsync<VarveError>(open(directory), { instanceOf: VarveError, code: 'DATABASE_LOCKED' })
    t.is(error?.context['pid'], child.pid)
    t.regex(error?.message ?? '', new RegExp(String(child.pid)))
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
    const lockPath = path.join(directory, 'LOCK')
    const lock = fs.readFileSync(lockPath)
    const random = new SeededRandom(seed)
    for (let i = 0; i < 3; i++) {
      const damaged = Uint8Array.from(lock)
      const at = random.below(lock.length)
      damaged[at] = (damaged[at] as number) ^ (1 << random.below(8))
      fs.writeFileSync(lockPath, damaged.subarray(0, i === 0 ? at : lock.length))
      const opened = await open(directory).catch((error: Error) => error)
      if (opened instanceof Error) t.is((opened as VarveError).code, 'DATABASE_LOCKED', `${damaged}`)
      else await opened.close()
    }
    fs.writeFileSync(lockPath, lock)
    const db = await open(directory)
    t.true((await db.table('killed').count()) > 0)
    await db.close()
  } finally {
    child.kill('SIGKILL')
    fs.rmSync(directory, { recursive: true, force: true })
  }
})
