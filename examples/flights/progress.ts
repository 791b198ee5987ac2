import { SingleBar } from 'cli-progress'

/** Shows how far a long piece of work has come. */
export interface Progress {
  advance(count: number): void
  end(): void
}

/** A bar on a terminal, a line at every tenth elsewhere; on standard error, so that standard output holds the answers alone. */
export function showProgress(title: string, total: number): Progress {
  return process.stderr.isTTY ? progressBar(title, total) : progressLines(title, total)
}

function progressBar(title: string, total: number): Progress {
  const format = `${title} {bar} {percentage} % · {done} of {all} rows · {duration_formatted}`
  const bar = new SingleBar({ format, barCompleteChar: '█', barIncompleteChar: '░', hideCursor: true })
  let done = 0
  const shown = () => ({ done: done.toLocaleString('en-US'), all: total.toLocaleString('en-US') })
  bar.start(total, 0, shown())
  return {
    advance(count) {
      done += count
      bar.update(done, shown())
    },
    end: () => bar.stop(),
  }
}

function progressLines(title: string, total: number): Progress {
  let done = 0
  let tenth = 0
  return {
    advance(count) {
      done += count
      const reached = Math.floor((10 * done) / total)
      if (reached > tenth) console.error(`${title}: ${done.toLocaleString('en-US')} of ${total.toLocaleString('en-US')} rows`)
      tenth = reached
    },
    end() {},
  }
}
