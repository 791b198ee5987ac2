import type { Random } from '../base/random.ts'
import { type FaultOptions, FaultPlan, type FaultRule } from './fault-plan.ts'
import { InterceptingVfs } from './intercepting-vfs.ts'
import type { Vfs, VfsHandle } from './vfs.ts'
import { localVfsHandle } from './vfs-handle.ts'

/**
 * A file system on which any call can be made to fail, to be slow, or to be the last one: `inject` and `crashAtCall`.
 * Closing a file is never counted and never fails. Its handle opens it in this thread only, so that the faults hold
 * for jobs too.
 */
export class FaultVfs extends InterceptingVfs {
  protected readonly plan: FaultPlan

  constructor(inner: Vfs, options: FaultOptions & { readonly name?: string } = {}) {
    const plan = new FaultPlan(options)
    super({ name: options.name ?? `faulty ${inner.name}`, inner, interceptor: plan })
    this.plan = plan
  }

  override handle(): VfsHandle {
    return localVfsHandle(this)
  }

  /** Makes calls fail, or wait, by a rule; disposing the result takes the rule away. */
  inject(rule: FaultRule): Disposable {
    return this.plan.inject(rule)
  }

  /** Takes away all rules and a planned crash. */
  clearFaults(): void {
    this.plan.clear()
  }

  /**
   * Lets the call with this index (from 1; see `callCount`) and all later ones fail with `CrashError`. Of the call
   * itself `share` is carried out before (default 0): a part of an append, or the whole of any call at 1. A `Random`
   * chooses between nothing, everything and a part.
   */
  crashAtCall(index: number, o: { readonly share?: number | Random } = {}): void {
    const share = o.share ?? 0
    this.plan.crashAtCall(index, typeof share === 'number' ? share : ([0, 1, share.next()][share.below(3)] as number))
  }

  /** Whether every call fails by now. */
  get crashed(): boolean {
    return this.plan.crashed
  }

  /** Calls so far, closing not counted. */
  get callCount(): number {
    return this.plan.callCount
  }

  /** Bytes of appends so far, with what was written of those that a rule cut short. */
  get bytesWritten(): number {
    return this.plan.bytesWritten
  }

  get bytesRead(): number {
    return this.plan.bytesRead
  }
}
