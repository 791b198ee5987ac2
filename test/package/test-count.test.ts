import test from 'ava'
import { countTests } from '../../scripts/test-count.ts'

test('a run that passed counts what ava states, and what was skipped is not counted', (t) => {
  t.deepEqual(countTests('\n  ✔ one\n  ✔ two\n  - three\n  ─\n\n  2 tests passed\n  1 test skipped\n', 0), { passed: 2, failed: 0 })
  t.deepEqual(countTests('\n  ✔ one\n  ─\n\n  1 test passed\n', 0), { passed: 1, failed: 0 })
})

test('a run that failed counts ticks, and each kind of failure', (t) => {
  const end = [
    '1 test failed',
    '2 hooks failed',
    '1 unhandled rejection',
    '2 uncaught exceptions',
    '3 tests remained pending after a timeout',
  ]
  const output = `  ✔ one\n  ✘ [fail]: two\n  ─\n\n  two\n  5 tests failed\n\n  ─\n\n${end.map((line) => `  ${line}\n`).join('')}`
  t.deepEqual(countTests(output, 1), { passed: 1, failed: 9 })
})

test('colours do not hide a count', (t) => {
  t.deepEqual(countTests('  \u001B[32m✔\u001B[39m one\n  \u001B[90m─\u001B[39m\n\n  \u001B[32m1 test passed\u001B[39m\n', 0), {
    passed: 1,
    failed: 0,
  })
})

test('a run that died before its summary is a failure', (t) => {
  t.deepEqual(countTests('  ✔ one\n', null), { passed: 1, failed: 1 })
  t.deepEqual(countTests('', 1), { passed: 0, failed: 1 })
  t.deepEqual(countTests('  ─\n\n  1 test passed\n', 1), { passed: 1, failed: 1 })
})
