import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { buildDirectory } from '../setup/build-product.ts'
import type { Answer, Task } from './task.ts'

const childPath = fileURLToPath(new URL('bench/src/run/child.js', buildDirectory))
const timeoutMs = 600_000

export class TaskFailed extends Error {
  /** One side gave a wrong answer: nothing that was measured can be trusted. */
  readonly wrongAnswer: boolean

  constructor(message: string, o: { wrongAnswer: boolean; detail: string }) {
    super(message)
    this.name = 'TaskFailed'
    this.stack = o.detail
    this.wrongAnswer = o.wrongAnswer
  }
}

/** Runs a task in a fresh process and gives its figures. Rejects with `TaskFailed`. With `profileDirectory`, V8 writes a CPU profile there. */
export async function runTask(task: Task, o: { profileDirectory?: string | undefined } = {}): Promise<Readonly<Record<string, number>>> {
  const profile = o.profileDirectory === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${o.profileDirectory}`]
  const child = fork(childPath, [JSON.stringify(task)], {
    execArgv: ['--expose-gc', '--enable-source-maps', ...profile],
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    timeout: timeoutMs,
  })
  let answer: Answer | undefined
  let errors = ''
  child.stderr?.on('data', (text) => {
    errors = (errors + String(text)).slice(-4000)
  })
  child.on('message', (message) => {
    answer = message as Answer
  })
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (...end) => resolve(end))
  })
  if (!answer) throw new TaskFailed(`The process ended with ${signal ?? code}.`, { wrongAnswer: false, detail: errors })
  if (!answer.ok) throw new TaskFailed(answer.message, { wrongAnswer: answer.message.startsWith('Wrong answer'), detail: answer.stack })
  return answer.figures
}
