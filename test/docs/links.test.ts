import { access, readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** Links of a page to files of this project, without the part of the file. */
function linksIn(text: string): string[] {
  const outside = /^(?:[a-z]+:|#)/
  return [...text.replace(/```[\s\S]*?```/g, '').matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => target as string)
    .filter((target) => !outside.test(target))
    .map((target) => target.replace(/#.*$/, ''))
}

test('every link of the README and of docs/ leads to a file', async (t) => {
  const docs = (await readdir(join(root, 'docs'), { recursive: true })).filter((path) => path.endsWith('.md')).map((path) => `docs/${path}`)
  const pages = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...docs]
  let linkCount = 0
  for (const page of pages) {
    for (const link of linksIn(await readFile(join(root, page), 'utf8'))) {
      linkCount++
      await t.notThrowsAsync(access(join(root, dirname(page), link)), `${page}: ${link}`)
    }
  }
  t.true(linkCount > 10)
})

test('every npm script that the README and CONTRIBUTING name is there', async (t) => {
  const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> }
  for (const page of ['README.md', 'CONTRIBUTING.md']) {
    const text = await readFile(join(root, page), 'utf8')
    const named = [...text.matchAll(/npm (?:run )?(test|start|bench|build|soak|format|check[:\w]*)\b/g)].map(
      ([, script]) => script as string,
    )
    t.true(named.length > 2, page)
    for (const script of named) t.true(Object.hasOwn(scripts, script), `${page}: ${script}`)
  }
})
