import type { CodecSource, JobFilesOptions } from '../rowset/compaction/job-files.ts'
import type { TabletHost } from './tablet-host.ts'

/**
 * What every job on files is given beside its own input: how to open them, every codec that they may be compressed with,
 * and the one to compress with, which may be told by its name alone.
 */
export function jobFilesOptions(host: Pick<TabletHost, 'vfsHandle' | 'codecs'>, codec?: CodecSource): JobFilesOptions {
  const codecs: CodecSource[] = host.codecs.map(({ name, module }) => (module === undefined ? { name } : { name, module }))
  const chosen = codec?.module === undefined ? (codecs.find(({ name }) => name === codec?.name) ?? codec) : codec
  return { vfs: host.vfsHandle(), ...(codecs.length > 0 && { codecs }), ...(chosen && { codec: chosen }) }
}
