import { definePlugin, SchedulingPolicy } from '../../src/plugin.ts'
import { ThresholdPolicy } from './threshold-policy.ts'

export { ThresholdPolicy }

/** Provides the scheduling policy that decides by thresholds of memory, log and age. No options. */
export const thresholdPolicy = definePlugin({
  name: 'threshold-policy',
  provides: [SchedulingPolicy],
  bind(module) {
    module.provide(SchedulingPolicy, [], () => new ThresholdPolicy())
  },
})

export default thresholdPolicy
