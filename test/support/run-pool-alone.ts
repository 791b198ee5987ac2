/** A program of its own: one job and nothing else; it must wait for the job and end after it, though the pool is never closed. */
import { systemClock } from '../../src/base/system-clock.ts'
import { PiscinaWorkerPool } from '../../src/maintenance/piscina-worker-pool.ts'

const pool = new PiscinaWorkerPool({ clock: systemClock, threads: 2, idleTimeoutMs: 60_000 })
const module = new URL('./jobs/echo.ts', import.meta.url)
const answer = await pool.run<{ data: unknown }>({ module, data: 'alive' }, { signal: new AbortController().signal })
console.log(answer.data)
