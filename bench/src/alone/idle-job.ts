import { setTimeout } from 'node:timers/promises'

/** Keeps its worker for a while, so that others start beside it. */
export default async function idleJob(): Promise<void> {
  await setTimeout(500)
}
