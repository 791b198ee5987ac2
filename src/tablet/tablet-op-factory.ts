import type { ContributionToken } from '../base/token.ts'
import { MaintenanceOpFactory as OpFactory } from '../maintenance/maintenance-op.ts'
import type { Tablet } from './tablet.ts'

/** The factory of ops as plugins write it: the room of maintenance knows no tablet, a factory is given one. */
export type MaintenanceOpFactory<T = Tablet> = OpFactory<T>
export const MaintenanceOpFactory: ContributionToken<MaintenanceOpFactory> = OpFactory
