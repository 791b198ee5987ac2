import { contributionToken, token } from '../base/token.ts'

/**
 * Anything that holds memory counted against `memory.limit`: write buffers, block cache, work in flight. Every consumer is asked at
 * every `level()`, so register one for all write buffers, not one for each.
 */
export interface MemoryConsumer {
  readonly name: string
  /** `write-buffer` is what a flush frees; `cache` can be given back at once; `work` is maintenance in flight. */
  readonly kind: 'write-buffer' | 'cache' | 'work' | 'overhead'
  readonly usedBytes: number
}
export const MemoryConsumer = contributionToken<MemoryConsumer>('MemoryConsumer')

export type MemoryLevel = 'normal' | 'pressure' | 'soft-limit' | 'hard-limit'

/** One number for all memory: who uses how much of it, and how near the limit that is. */
export interface MemoryBudget {
  readonly limitBytes: number
  readonly pressureBytes: number
  readonly softLimitBytes: number
  /** Counts the consumer from now on, until the result is disposed. */
  register(consumer: MemoryConsumer): Disposable
  /** Sum over all consumers that cannot be given back at once (everything but `cache`), in bytes. */
  readonly heldBytes: number
  /** Sum over all consumers, in bytes. */
  readonly usedBytes: number
  /** By `heldBytes`. Cheap enough to ask for every batch; tells the listeners if it finds a threshold crossed. */
  level(): MemoryLevel
  /** Consumers report that their use has changed a lot; listeners of a crossed threshold are told. */
  changed(): void
  /** Told on every change of level, up or down, in the tick in which it is noticed; `memory:pressure` is emitted first. */
  onLevel(listener: (level: MemoryLevel) => void): Disposable
}
export const MemoryBudget = token<MemoryBudget>('MemoryBudget')
