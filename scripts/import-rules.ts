import { posix } from 'node:path'
import type { ImportSite } from './read-imports.ts'

/**
 * Who may know whom. A room of `src/` imports its own floor and those below, never one above. `narrow` names rooms that
 * may know less than their floor allows. The figure is in CONTRIBUTING.md.
 */
export const floors: readonly (readonly string[])[] = [
  ['base'],
  ['events', 'vfs', 'schema', 'cleaner', 'maintenance', 'kernel'],
  ['sstable', 'wal', 'manifest'],
  ['delta', 'rowset'],
  ['tablet'],
  ['query', 'engine'],
]

/** Rooms that may know less than their floor allows. */
export const narrow: Readonly<Record<string, readonly string[]>> = {
  events: ['base'],
  vfs: ['base'],
  schema: ['base'],
  cleaner: ['base', 'events', 'vfs'],
  maintenance: ['base', 'events'],
  kernel: ['base', 'events', 'vfs', 'cleaner', 'maintenance'],
}

/** A source file of the project: its path from the root, with `/`, and the places where it names other files. */
export interface SourceFile {
  readonly path: string
  readonly imports: readonly ImportSite[]
}

export interface Violation {
  readonly path: string
  readonly line: number
  /** What is wrong and what to do about it. */
  readonly message: string
}

export interface ImportRulesOptions {
  readonly files: readonly SourceFile[]
  /** Packages that an installed Varve has: dependencies and peer dependencies. */
  readonly packages: ReadonlySet<string>
}

/** Checks all files against the rules; the answer is in the order of the files, circles last. */
export function checkImports({ files, packages }: ImportRulesOptions): Violation[] {
  const known = new Set(files.map((file) => file.path))
  const violations: Violation[] = []
  for (const { path, imports } of files) {
    for (const site of imports) {
      const message = judge(path, site, known, packages)
      if (message !== undefined) violations.push({ path, line: site.line, message })
    }
  }
  return [...violations, ...findCircles(files, known)]
}

function judge(path: string, site: ImportSite, known: ReadonlySet<string>, packages: ReadonlySet<string>): string | undefined {
  if (!site.specifier.startsWith('.')) return site.kind === 'import' ? judgePackage(path, site.specifier, packages) : undefined
  const shipped = path.startsWith('src/') || path.startsWith('plugins/')
  const target = posix.join(posix.dirname(path), site.specifier)
  if (site.kind === 'url') {
    if (shipped && target.endsWith('.ts'))
      return `${site.specifier} will not exist once built. Name worker jobs with jobModule(import.meta.url, …).`
    return undefined
  }
  if (target.endsWith('.ts') && !known.has(target)) return `${target} does not exist.`
  return judgeFile(path, target)
}

function judgePackage(path: string, specifier: string, packages: ReadonlySet<string>): string | undefined {
  const scoped = specifier.startsWith('@') ? 2 : 1
  const name = specifier.split('/').slice(0, scoped).join('/')
  if (path.startsWith('examples/third-party-') && name === 'varve' && specifier !== 'varve/plugin') {
    return `A third-party plugin imports only 'varve/plugin', not '${specifier}'.`
  }
  if (!path.startsWith('src/') && !path.startsWith('plugins/')) return undefined
  if (name === 'varve') return `Import '${specifier}' by its relative path; the package's own name is for its users.`
  if (specifier.startsWith('node:') || packages.has(name)) return undefined
  return `'${name}' is no dependency of the package. An installed Varve would not find it.`
}

function judgeFile(path: string, target: string): string | undefined {
  const folder = ownFolder(path)
  if (folder !== undefined && target.startsWith(folder)) return undefined
  if (path.startsWith('examples/')) return `An example imports 'varve' by its public names, as a user would, not ${target}.`
  if (path.startsWith('plugins/')) {
    return target === 'src/plugin.ts' ? undefined : `A plugin imports only src/plugin.ts and its own folder, not ${target}.`
  }
  if (!path.startsWith('src/')) return undefined
  if (target.startsWith('plugins/')) {
    if (path === 'src/open.ts' || path.startsWith('src/cli/')) return undefined
    return `Only src/open.ts and src/cli/ may import a plugin (${target}). Ask for the service by its token.`
  }
  if (!target.startsWith('src/')) return `What is shipped cannot import ${target}, which is not.`
  return judgeRooms(path, target)
}

/** The folder that a file of plugins/ or examples/ may use freely, with a closing `/`. */
function ownFolder(path: string): string | undefined {
  return /^(?:plugins|examples)\/[^/]+\//.exec(path)?.[0]
}

function judgeRooms(path: string, target: string): string | undefined {
  const from = roomOf(path)
  const to = roomOf(target)
  if (from === undefined) return judgeTopFile(path, target)
  if (from === to || outerRooms.has(from)) return judgeOuter(from, to, target)
  if (to === undefined || outerRooms.has(to)) return `${from}/ is below ${target}. Move what both need into a lower room.`
  const fromFloor = floorOf(from)
  const toFloor = floorOf(to)
  if (fromFloor === -1) return unknownRoom(from)
  if (toFloor === -1) return unknownRoom(to)
  if (toFloor > fromFloor) return `${from}/ is below ${to}/ and may not know it (${target}).`
  if (narrow[from]?.includes(to) === false) return `${from}/ may only know ${narrow[from].join(', ')} and itself, not ${target}.`
  return undefined
}

/** Rooms above all floors: they use the others, nobody uses them. */
const outerRooms: ReadonlySet<string> = new Set(['cli', 'testing', 'conformance'])

function judgeOuter(from: string, to: string | undefined, target: string): string | undefined {
  if (from === 'cli' && (to === 'testing' || to === 'conformance')) return `cli/ may not know what is made for tests (${target}).`
  return undefined
}

function judgeTopFile(path: string, target: string): string | undefined {
  const to = roomOf(target)
  if (to !== undefined && outerRooms.has(to)) return `${path} may not know ${to}/, which is an entry of its own.`
  if (path === 'src/plugin.ts' && to === undefined)
    return `src/plugin.ts may only import rooms, not ${target}: plugins would know what assembles them.`
  return undefined
}

function unknownRoom(room: string): string {
  return `src/${room}/ is on no floor. Give it one in scripts/import-rules.ts.`
}

/** The room that a file of src/ is in; undefined for the files beside the rooms. */
function roomOf(path: string): string | undefined {
  return /^src\/([^/]+)\//.exec(path)?.[1]
}

function floorOf(room: string): number {
  return floors.findIndex((floor) => floor.includes(room))
}

/** One violation for each circle of imports. A job does not close a circle: it is loaded by its name, in another thread. */
function findCircles(files: readonly SourceFile[], known: ReadonlySet<string>): Violation[] {
  const graph = new Map<string, { target: string; line: number }[]>()
  for (const { path, imports } of files) {
    const edges = imports
      .filter((site) => site.kind === 'import' && site.specifier.startsWith('.'))
      .map((site) => ({ target: posix.join(posix.dirname(path), site.specifier), line: site.line }))
    graph.set(
      path,
      edges.filter((edge) => known.has(edge.target)),
    )
  }
  const violations: Violation[] = []
  const finished = new Set<string>()
  const trail: string[] = []
  const visit = (path: string) => {
    trail.push(path)
    for (const { target, line } of graph.get(path) ?? []) {
      const start = trail.indexOf(target)
      if (start !== -1)
        violations.push({ path, line, message: `This import closes a circle: ${[...trail.slice(start), target].join(' → ')}.` })
      else if (!finished.has(target)) visit(target)
    }
    trail.pop()
    finished.add(path)
  }
  for (const path of graph.keys()) if (!finished.has(path)) visit(path)
  return violations
}
