import test from 'ava'
import { didYouMean, nearestName } from '../../src/base/suggest.ts'

const known = ['limit', 'pressureAt', 'softLimitAt']

test('a name that is nearly right finds the right one, whatever its case', (t) => {
  t.is(nearestName('limt', known), 'limit')
  t.is(nearestName('PRESSUREAT', known), 'pressureAt')
  t.is(nearestName('softLimit', known), 'softLimitAt')
})

test('a name that resembles nothing finds nothing', (t) => {
  t.is(nearestName('banana', known), undefined)
  t.is(nearestName('x', ['ab']), undefined)
  t.is(nearestName('anything', []), undefined)
})

test('the end of a message is there only when there is something to suggest', (t) => {
  t.is(didYouMean('limt', known), ' Did you mean "limit"?')
  t.is(didYouMean('banana', known), '')
})
