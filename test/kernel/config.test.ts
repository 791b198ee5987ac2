import test from 'ava'
import { VarveError } from '../../src/base/errors.ts'
import { resolveConfig } from '../../src/kernel/config.ts'

function refusal(config: unknown, source?: string): VarveError {
  try {
    resolveConfig(config, source === undefined ? {} : { source })
  } catch (error) {
    if (error instanceof VarveError) return error
    throw error
  }
  throw new Error('the configuration was accepted')
}

test('a directory alone is a configuration, and the defaults are those of the contract', (t) => {
  t.deepEqual(resolveConfig({ directory: 'data' }), {
    directory: 'data',
    createIfMissing: true,
    errorIfExists: false,
    readOnly: false,
    durability: 'write',
    recovery: 'strict',
    memory: { limitBytes: 268_435_456, pressureAt: 0.6, softLimitAt: 0.8 },
    maintenance: { threads: 2, pollIntervalMs: 250, retryGraceMs: 10_000, historyCount: 64 },
    wal: { segmentBytes: 8_388_608, targetReplayBytes: 67_108_864, syncIntervalMs: 100 },
    history: { retentionMs: 900_000 },
    plugins: [],
    disable: [],
    configDirectory: process.cwd(),
  })
})

test('a section that is given in part keeps the other defaults', (t) => {
  t.deepEqual(resolveConfig({ directory: 'd', memory: { limit: '1GiB' } }).memory, {
    limitBytes: 1024 ** 3,
    pressureAt: 0.6,
    softLimitAt: 0.8,
  })
})

test('read-only does not create by default', (t) => {
  t.false(resolveConfig({ directory: 'd', readOnly: true }).createIfMissing)
})

test('an unknown key is refused with its path and the nearest known key', (t) => {
  const error = refusal({ directory: 'd', memory: { limt: '1GiB' } })
  t.is(error.code, 'CONFIG_INVALID')
  t.is(
    error.message,
    'Invalid configuration: "memory.limt" is not a known key; expected one of limit, pressureAt, softLimitAt. Did you mean "limit"?',
  )
  t.deepEqual(error.context['issues'], [
    { path: 'memory.limt', expected: 'one of limit, pressureAt, softLimitAt', found: 'limt', suggestion: 'limit' },
  ])
})

test('an unknown key at the top is refused with the nearest known key', (t) => {
  t.regex(refusal({ directory: 'd', durabilty: 'sync' }).message, /"durabilty" is not a known key.*Did you mean "durability"\?/)
})

test('a wrong value names path, expectation, finding and file', (t) => {
  const error = refusal({ directory: 'd', maintenance: { threads: 'two' } }, '/x/varve.config.json')
  t.is(
    error.message,
    'Invalid configuration in /x/varve.config.json: "maintenance.threads" must be a whole number from 1 to 64; found "two".',
  )
  t.is(error.context['source'], '/x/varve.config.json')
})

test('everything that is wrong is named at once', (t) => {
  const { message } = refusal({ memory: { limit: '12 parsecs', pressureAt: 2 }, plugin: [] })
  for (const part of [
    '"directory" must be the path of a directory; found nothing',
    '"memory.limit" must be a size in bytes',
    'found "12 parsecs"',
    '"memory.pressureAt" must be a number above 0 and up to 1; found 2',
    'Did you mean "plugins"',
  ]) {
    t.true(message.includes(part), `${part} not in ${message}`)
  }
})

for (const [what, config, expected] of [
  ['nothing at all', undefined, /the configuration must be an object such as/],
  ['a string for a section', { directory: 'd', wal: '8MiB' }, /"wal" must be an object; found "8MiB"/],
  ['a wrong choice', { directory: 'd', durability: 'fsync' }, /"durability" must be one of 'sync', 'write', 'interval'; found "fsync"/],
  ['an empty directory', { directory: '' }, /"directory" must be the path of a directory; found ""/],
  ['a size of zero', { directory: 'd', memory: { limit: 0 } }, /"memory.limit" must be a size in bytes/],
  ['memory that holds no batch', { directory: 'd', memory: { limit: 1000 } }, /"memory.limit" must be .* at least 1048576 bytes/],
  ['a fraction of a thread', { directory: 'd', maintenance: { threads: 1.5 } }, /"maintenance.threads" must be a whole number/],
  ['a plugin that is none', { directory: 'd', plugins: ['ok', 7] }, /"plugins\[1\]" must be a plugin.*found 7/],
  ['plugin options that are no object', { directory: 'd', plugins: [['x', 3]] }, /"plugins\[0\]" must be a plugin/],
  [
    'a pressure threshold above the soft limit',
    { directory: 'd', memory: { pressureAt: 0.9 } },
    /"memory.pressureAt" must be at most memory.softLimitAt \(0.8\); found 0.9/,
  ],
  [
    'creating a database that is opened read-only',
    { directory: 'd', readOnly: true, createIfMissing: true },
    /"createIfMissing" must be false or absent/,
  ],
  [
    'a database that must neither exist nor be made',
    { directory: 'd', createIfMissing: false, errorIfExists: true },
    /"errorIfExists" must be false/,
  ],
] as const) {
  test(`${what} is refused`, (t) => {
    const error = refusal(config)
    t.is(error.code, 'CONFIG_INVALID')
    t.regex(error.message, expected)
  })
}
