import test from 'ava'
import { ArchivingCleaner } from '../../src/cleaner/archiving-cleaner.ts'
import { DeletingCleaner } from '../../src/cleaner/deleting-cleaner.ts'
import { cleaner as conformance } from '../../src/conformance/cleaner.ts'

for (const make of [() => new DeletingCleaner(), () => new ArchivingCleaner()]) {
  conformance(
    (title, run) => {
      test(`${make().name}: ${title}`, async (t) => {
        await run()
        t.pass()
      })
    },
    () => ({ cleaner: make() }),
  )
}
