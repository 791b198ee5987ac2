/// <reference lib="esnext.disposable" preserve="true" />
/** `varve/conformance`: what every implementation of a contract must do, for any test runner. */
export { blockCache, type ConformanceTest } from './block-cache.ts'
export { type CleanerFixture, cleaner } from './cleaner.ts'
export { rowCache } from './row-cache.ts'
export { schedulingPolicy } from './scheduling-policy.ts'
export { type VfsFixture, vfs } from './vfs.ts'
