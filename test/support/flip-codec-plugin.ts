import { Codec, definePlugin } from '../../src/plugin.ts'
import { codec } from './flip-codec.ts'

/** Contributes the codec `flip`. */
export default definePlugin({
  name: 'flip-codec',
  contributes: [Codec],
  bind(module) {
    module.contribute(Codec, [], () => codec)
  },
})
