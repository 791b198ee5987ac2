import type { ContributionToken } from '../base/token.ts'
import { Lifecycle as HostLifecycle } from '../kernel/lifecycle.ts'
import type { EngineOptions } from './engine-options.ts'

/** A lifecycle as plugins write it: the kernel does not know what its host lets them configure; here it is the engine's options. */
export type Lifecycle<O = EngineOptions> = HostLifecycle<O>
export const Lifecycle = HostLifecycle as ContributionToken<unknown> as ContributionToken<Lifecycle>
