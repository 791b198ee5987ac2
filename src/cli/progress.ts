import cliProgress from 'cli-progress'
import { countText, mebibytesText } from './amounts.ts'
import type { CliEnvironment } from './cli.ts'

/** A line on the terminal that says how far long work is. Does nothing where nobody watches. */
export interface Progress {
  update(done: number, note?: string): void
  stop(): void
}

const silent: Progress = { update: () => undefined, stop: () => undefined }

/** A progress bar on standard error, if that is a terminal; wiped at its end. */
export function progressBar(
  environment: CliEnvironment,
  o: { title: string; unit: 'bytes' | 'rows'; total: number; quiet?: boolean },
): Progress {
  if (environment.stderr.isTTY !== true || o.quiet === true || o.total === 0) return silent
  const shown = o.unit === 'bytes' ? mebibytesText : countText
  const bar = new cliProgress.SingleBar({
    format: `${o.title} [{bar}] {percentage}% · {done} of ${shown(o.total)} ${o.unit === 'bytes' ? 'MiB' : 'rows'}{note} · {eta_formatted} left`,
    stream: environment.stderr,
    clearOnComplete: true,
    hideCursor: true,
    barCompleteChar: '=',
    barIncompleteChar: ' ',
    etaBuffer: 40,
    gracefulExit: false,
  })
  bar.start(o.total, 0, { done: shown(0), note: '' })
  return {
    update: (done, note) => bar.update(done, { done: shown(done), note: note ? ` · ${note}` : '' }),
    stop: () => bar.stop(),
  }
}
