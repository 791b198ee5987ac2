/** Checks the import rules (import-rules.ts) on the project; exits with 1 if one is broken. Part of `npm run check`. */
import packageJson from '../package.json' with { type: 'json' }
import { checkImports } from './import-rules.ts'
import { readImports } from './read-imports.ts'
import { sourceFiles } from './source-files.ts'

const sources = await sourceFiles()
const files = sources.map(({ path, text }) => ({ path, imports: readImports(path, text) }))
const optional = 'peerDependencies' in packageJson ? Object.keys(packageJson.peerDependencies as object) : []
const violations = checkImports({ files, packages: new Set([...Object.keys(packageJson.dependencies), ...optional]) })
for (const { path, line, message } of violations) console.error(`${path}:${line}: ${message}`)
const count = files.reduce((sum, file) => sum + file.imports.length, 0)
console.log(`${files.length} files with ${count} imports checked, ${violations.length} against the rules.`)
if (violations.length > 0) process.exitCode = 1
