import test from 'ava'
import { fileNumberAbove, orphanFiles, parseDatabaseFileName } from '../../src/manifest/database-files.ts'

const parse = (name: string) => parseDatabaseFileName('/db', name)

test('names are told apart by kind and number', (t) => {
  const kinds = [
    'CURRENT',
    'LOCK',
    '000012.sst',
    '000013.delta',
    '000004.wal',
    'MANIFEST-000001',
    'CURRENT.tmp',
    '000020.sst.tmp',
    '1234567.sst',
    'notes.txt',
  ]
  t.deepEqual(
    kinds.map((name) => [parse(name).kind, parse(name).fileNumber]),
    [
      ['current', undefined],
      ['lock', undefined],
      ['sstable', 12],
      ['delta', 13],
      ['wal', 4],
      ['manifest', 1],
      ['temp', undefined],
      ['temp', 20],
      ['sstable', 1234567],
      ['other', undefined],
    ],
  )
  for (const name of ['12.sst', '0000012.sst', '000012.sst.bak', 'x000012.sst', 'MANIFEST-1', '000012.SST'])
    t.is(parse(name).kind, 'other', name)
})

test('the next number is above every file present, whatever it is', (t) => {
  t.is(fileNumberAbove([]), 1)
  t.is(fileNumberAbove(['000004.wal', 'MANIFEST-000009', '000012.sst.tmp', 'CURRENT'].map(parse)), 13)
})

test('orphans are temporary files, unknown data files and manifests out of force; nothing else', (t) => {
  const files = [
    '000001.sst',
    '000002.sst',
    '000003.delta',
    '000004.wal',
    'CURRENT',
    'CURRENT.tmp',
    'LOCK',
    'MANIFEST-000005',
    'MANIFEST-000006',
    'notes.txt',
  ].map(parse)
  const orphans = orphanFiles(files, { isLive: (n) => n === 1, manifestNumber: 6 })
  t.deepEqual(
    orphans.map((f) => f.name),
    ['000002.sst', '000003.delta', 'CURRENT.tmp', 'MANIFEST-000005'],
  )
})
