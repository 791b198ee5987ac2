/** Tests run from TypeScript source through tsx, in child processes, so that each may start worker threads of its own. */
export default {
  extensions: { ts: 'module' },
  files: ['test/**/*.test.ts', '!test/support/**', '!test/**/fixtures/**'],
  nodeArguments: ['--import=tsx'],
  workerThreads: false,
  concurrency: 2,
  // The longest first, so that no worker waits for it at the end.
  sortTestFiles: (a, b) => Number(b.includes('random-operations')) - Number(a.includes('random-operations')) || (a < b ? -1 : 1),
  timeout: '2m',
}
