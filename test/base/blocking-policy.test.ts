import test from 'ava'
import { BlockingPolicy } from '../../src/base/blocking-policy.ts'

test('small calls block while they are quick, large ones never do', (t) => {
  const policy = new BlockingPolicy()
  for (let ms = 0; ms < 100; ms++) {
    t.is(policy.choose(256 * 1024, ms), 'blocking')
    policy.took(0.02, ms)
  }
  t.is(policy.choose(256 * 1024 + 1, 100), 'asynchronous')
})

test('one hiccup changes nothing, a stall does, and a quick trial ends it', (t) => {
  const policy = new BlockingPolicy()
  policy.took(4, 4)
  t.is(policy.choose(100, 4), 'blocking')
  policy.took(50, 60)
  t.is(policy.choose(100, 61), 'asynchronous')
  t.is(policy.choose(100, 1059), 'asynchronous')
  t.is(policy.choose(100, 1060), 'blocking', 'a trial')
  policy.took(0.1, 1061)
  t.is(policy.choose(100, 1062), 'blocking')
})

test('on a disk that stays slow, blocking calls take less than a twentieth of the time', (t) => {
  const policy = new BlockingPolicy()
  let nowMs = 0
  let blockedMs = 0
  while (nowMs < 60_000) {
    const blocking = policy.choose(100, nowMs) === 'blocking'
    nowMs += 30
    if (blocking) policy.took(30, nowMs)
    if (blocking) blockedMs += 30
  }
  t.true(blockedMs > 0)
  t.true(blockedMs < 60_000 / 20, `${blockedMs} ms`)
})
