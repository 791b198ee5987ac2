import type { OpenSide, SideName } from './side.ts'

const load: Record<SideName, () => Promise<OpenSide>> = {
  varve: async () => (await import('./varve.ts')).openVarve,
  'classic-level': async () => (await import('./classic-level.ts')).openClassicLevel,
  lmdb: async () => (await import('./lmdb.ts')).openLmdb,
  'better-sqlite3': async () => (await import('./better-sqlite3.ts')).openBetterSqlite3,
  duckdb: async () => (await import('./duckdb.ts')).openDuckDb,
}

/** Loads a side's package, in this process only; a fresh process then carries nothing of the others. */
export function loadSide(name: SideName): Promise<OpenSide> {
  return load[name]()
}
