/** The process that one measurement runs in: reads its task from the command line, answers by one message, and ends. */
import { measures } from '../alone/measures.ts'
import { loadSide } from '../sides/open-side.ts'
import { programs } from '../workloads/programs.ts'
import type { Answer, Task } from './task.ts'

const task = JSON.parse(process.argv[2] ?? '') as Task

try {
  const figures = await perform(task)
  answer({ ok: true, figures })
} catch (error) {
  const { message, stack } = error instanceof Error ? error : new Error(String(error))
  answer({ ok: false, message, stack: stack ?? message })
}

async function perform(t: Task): Promise<Readonly<Record<string, number>>> {
  if (t.kind === 'probe') {
    const side = await (await loadSide(t.side))({ directory: t.directory, durability: 'write' })
    await side.close()
    return {}
  }
  if (t.kind === 'program') return programs[t.program].run({ ...t, open: await loadSide(t.side) })
  const measure = measures.find(({ name }) => name === t.measure)
  if (!measure) throw new Error(`There is no measure '${t.measure}'.`)
  return measure.run(t)
}

function answer(value: Answer): void {
  process.send?.(value, () => process.disconnect())
}
