import { token } from '../base/token.ts'

/** Numbers whatever has a beginning and an end: one sequence for a database, so that a `jobId` names one thing, whichever event carries it. */
export interface JobIds {
  next(): number
}
export const JobIds = token<JobIds>('JobIds')

/** A sequence from 1 on. */
export function jobIds(): JobIds {
  let last = 0
  return { next: () => ++last }
}
