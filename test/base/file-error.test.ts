import test from 'ava'
import { fileError } from '../../src/base/file-error.ts'

test('what the system reported is told in its code and in its words', (t) => {
  const system = (code: string, message: string) => Object.assign(new Error(message), { code, syscall: 'open', path: '/db/1.sst' })
  const told = fileError(system('EACCES', "EACCES: permission denied, open '/db/1.sst'"))
  t.regex(
    told.message,
    /^The operating system failed with EACCES at open of \/db\/1\.sst \(permission denied\)\. Check who may write there/,
  )
  t.regex(fileError(system('EIO', 'injected')).message, /^The operating system failed with EIO at open of \/db\/1\.sst\. Look/)
  for (const [code, advice] of [
    ['ENOTDIR', /Check the path/],
    ['EMFILE', /limit of open files/],
  ] as const)
    t.regex(fileError(system(code, 'injected')).message, advice)
})
