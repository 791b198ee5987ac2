import { type Argument, type Expression, parseSync, Visitor } from 'oxc-parser'

/** One place where a file names another: an import, an export from, `import()`, a type import, a worker job, a URL. */
export interface ImportSite {
  readonly specifier: string
  /** Counted from 1. */
  readonly line: number
  /** `job` is `jobModule(import.meta.url, './name')`, whose ending is added here; `url` is `new URL('./name', import.meta.url)`. */
  readonly kind: 'import' | 'job' | 'url'
}

/**
 * Finds every place where TypeScript source names another file, imports of types included: a room that knows another's
 * types knows that room. Throws a SyntaxError on source that does not parse.
 */
export function readImports(path: string, text: string): ImportSite[] {
  const { program, errors } = parseSync(path, text)
  if (errors[0]) throw new SyntaxError(`${path}: ${errors[0].message}`)
  const sites: ImportSite[] = []
  const note = (kind: ImportSite['kind'], specifier: string | undefined, offset: number) => {
    if (specifier !== undefined) sites.push({ kind, specifier, line: lineAt(text, offset) })
  }
  const visitor = new Visitor({
    ImportDeclaration: (node) => note('import', node.source.value, node.start),
    ExportNamedDeclaration: (node) => note('import', node.source?.value, node.start),
    ExportAllDeclaration: (node) => note('import', node.source.value, node.start),
    ImportExpression: (node) => note('import', literal(node.source), node.start),
    TSImportType: (node) => note('import', node.source.value, node.start),
    CallExpression(node) {
      if (node.callee.type !== 'Identifier' || node.callee.name !== 'jobModule') return
      const name = literal(node.arguments[1])
      note('job', name === undefined ? undefined : `${name}.ts`, node.start)
    },
    NewExpression(node) {
      if (node.callee.type !== 'Identifier' || node.callee.name !== 'URL' || node.arguments.length !== 2) return
      note('url', literal(node.arguments[0]), node.start)
    },
  })
  visitor.visit(program)
  return sites
}

/** The value of a string literal; undefined for anything that is computed. */
function literal(node: Expression | Argument | undefined): string | undefined {
  return node?.type === 'Literal' && typeof node.value === 'string' ? node.value : undefined
}

function lineAt(text: string, offset: number): number {
  let line = 1
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) line++
  return line
}
