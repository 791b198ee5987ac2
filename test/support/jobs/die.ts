/** Ends its worker, not just itself. */
export default function die(how: 'exit' | 'memory' | 'uncaught'): Promise<never> {
  if (how === 'exit') process.exit(3)
  if (how === 'uncaught')
    setImmediate(() => {
      throw new Error('thrown where nobody waits')
    })
  const hoard: number[][] = []
  while (how === 'memory') hoard.push(new Array<number>(100_000).fill(hoard.length))
  return new Promise(() => {})
}
