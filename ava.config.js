/** Tests run from TypeScript source through tsx, in child processes, so that each may start worker threads of its own. */
export default {
  extensions: { ts: 'module' },
  files: ['test/**/*.test.ts', '!test/support/**', '!test/**/fixtures/**'],
  nodeArguments: ['--import=tsx'],
  workerThreads: false,
  concurrency: 2,
  timeout: '2m',
}
