import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const benchDirectory = fileURLToPath(new URL('../../', import.meta.url))

/**
 * Compiles better-sqlite3, the one peer whose package carries no binary, unless that was done. It compiles against the
 * headers that came with this Node.js where they lie beside it; otherwise node-gyp looks for them its own way. Returns
 * what went wrong, if anything did.
 */
export function compileBetterSqlite3(): string | undefined {
  const directory = join(benchDirectory, 'node_modules/better-sqlite3')
  if (!existsSync(directory)) return 'better-sqlite3 is not installed: npm --prefix bench ci'
  if (existsSync(join(directory, 'build/Release/better_sqlite3.node'))) return undefined
  process.stderr.write('Compiling better-sqlite3, once; this takes a minute or two …\n')
  const prefix = dirname(dirname(process.execPath))
  const headers = existsSync(join(prefix, 'include/node/node.h')) ? [`--nodedir=${prefix}`] : []
  const gyp = join(benchDirectory, 'node_modules/node-gyp/bin/node-gyp.js')
  const { status, stderr } = spawnSync(process.execPath, [gyp, 'rebuild', '--release', ...headers], { cwd: directory, encoding: 'utf8' })
  if (status === 0) return undefined
  const reason = stderr.split('\n').find((line) => line.includes('stack Error')) ?? stderr.slice(-200)
  return `it could not be compiled (${reason.replace('gyp ERR! stack ', '').trim()}); bench/README.md says what that takes`
}
