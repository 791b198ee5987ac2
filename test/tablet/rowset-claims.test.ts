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
