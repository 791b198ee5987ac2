import test from 'ava'
import type { DiskRowSet } from '../../src/rowset/disk-rowset.ts'
import { RowSetClaims } from '../../src/tablet/rowset-claims.ts'
import { turns } from '../engine/kit.ts'

const rowset = (id: number) => ({ meta: { rowset: id } }) as DiskRowSet
const [one, other, later] = [rowset(1), rowset(2), rowset(3)]

test('an alteration cancels compactions and waits for their end; flushes go on beside it, of rowsets that come later too', async (t) => {
  const claims = new RowSetClaims(() => undefined)
  const merging = claims.take('merging compaction', [one])
  const flushing = claims.take('flush', [other])
  const delta = claims.take('delta compaction', [other])
  let taken = false
  const alteration = claims.takeForAlteration().then((claim) => {
    taken = true
    return claim
  })
  t.true(merging?.signal.aborted)
  t.true(delta?.signal.aborted)
  t.false(flushing?.signal.aborted)
  for (const work of ['delta compaction', 'merging compaction'] as const)
    for (const each of [one, other, later]) t.is(claims.take(work, [each]), undefined)
  merging?.release()
  await turns(1)
  t.false(taken)
  delta?.release()
  const claim = await alteration
  flushing?.release()
  t.truthy(claims.take('flush', [later]))
  t.is(claims.take('merging compaction', [one]), undefined)
  claim.release()
  t.truthy(claims.take('merging compaction', [one]))
})

test('of two alterations the second waits for the first', async (t) => {
  const claims = new RowSetClaims(() => undefined)
  const first = await claims.takeForAlteration()
  const second = claims.takeForAlteration()
  t.true(first.signal.aborted)
  first.release()
  t.is((await second).work, 'alteration')
})

test('where others hold the rowsets, nothing is claimed any more, and who waits is told', async (t) => {
  const claims = new RowSetClaims(() => undefined)
  await claims.takeForAlteration()
  const waiting = claims.released()
  claims.end()
  await t.throwsAsync(waiting, { code: 'ABORTED' })
  await t.throwsAsync(claims.released(), { code: 'ABORTED' })
  t.false(claims.allows('flush', one))
  t.is(claims.take('delta compaction', [one]), undefined)
})

const never = new AbortController().signal

test('who gets in line for several rowsets has them once those at work have left, and nobody begins meanwhile', async (t) => {
  const claims = new RowSetClaims(() => undefined)
  const [flushing, flushingToo] = [claims.take('flush', [one]), claims.take('flush', [other])]
  const delta = claims.take('delta compaction', [one])
  const room = claims.makeRoom('merging compaction', [one, other], { signal: never, patience: 2 })
  t.true(delta?.signal.aborted)
  t.deepEqual(
    [one, other, later].map((each) => claims.patienceOf(each)),
    [2, 2, 1],
  )
  for (const leaving of [flushing, delta, flushingToo]) {
    leaving?.release()
    for (const each of [one, other]) t.is(claims.take('flush', [each]), undefined)
  }
  t.truthy(claims.take('flush', [later]))
  const mine = await room
  mine.release()
  t.truthy(claims.take('merging compaction', [one, other]))
})

test('who is in line leaves it when the signal says so, when a flush is urgent, and before an alteration, without waiting for the others', async (t) => {
  const leave = new AbortController()
  const reasons: ((claims: RowSetClaims) => unknown)[] = [
    () => leave.abort(),
    (claims) => claims.interrupt('flush', other),
    (claims) => claims.takeForAlteration(),
  ]
  for (const reason of reasons) {
    const claims = new RowSetClaims(() => undefined)
    claims.take('flush', [one])
    const room = claims.makeRoom('merging compaction', [one, other], { signal: leave.signal, patience: 1 })
    reason(claims)
    await t.throwsAsync(room, { code: 'ABORTED' })
    t.truthy(claims.take('flush', [other]))
  }
})

test('behind an alteration nobody gets in line before it has ended', async (t) => {
  const claims = new RowSetClaims(() => undefined)
  claims.take('flush', [one])
  const alteration = await claims.takeForAlteration()
  const room = claims.makeRoom('merging compaction', [other], { signal: never, patience: 1 })
  t.truthy(claims.take('flush', [other]))
  alteration.release()
  await turns(1)
  t.is(claims.take('flush', [other]), undefined)
  void room
})
