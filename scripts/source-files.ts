import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

/** The project's root, with a closing `/`. */
export const root = fileURLToPath(new URL('../', import.meta.url))

const folders = ['src', 'plugins', 'test', 'examples', 'scripts', 'bench']

/** Path (from the root, with `/`) and text of every TypeScript file of the project, by path. */
export async function sourceFiles(): Promise<{ path: string; text: string }[]> {
  const found: { path: string; text: string }[] = []
  for (const folder of folders) {
    for (const path of await typescriptIn(folder)) found.push({ path, text: await readFile(root + path, 'utf8') })
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1))
}

async function typescriptIn(folder: string): Promise<string[]> {
  const entries = await readdir(root + folder, { withFileTypes: true }).catch(() => [])
  const nested = entries.map((entry) => {
    const path = `${folder}/${entry.name}`
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : typescriptIn(path)
    return entry.name.endsWith('.ts') ? [path] : []
  })
  return (await Promise.all(nested)).flat()
}
