import type { PayloadReader } from './payload-reader.ts'
import type { PayloadWriter } from './payload-writer.ts'
import type { ZoneMap } from './sstable.ts'

/**
 * The zone maps of a file's blocks, resident once the file is open, and so held in a few flat arrays.
 *
 * On disk, a zone map: u8 flags (1 known, 2 has NaN, 4 has bounds; form of the bounds << 4), varint null count, bounds.
 * Forms: 0 two doubles · 1 whole numbers: zigzag varint of min, varint of max − min · 2 two int64 · 3 bytes: varint
 * length and bytes of min, then of max.
 */
export class ZoneMapStore {
  readonly #flags: Uint8Array
  readonly #nullCounts: Uint32Array
  readonly #min: Float64Array
  readonly #max: Float64Array
  readonly #others = new Map<number, { min: bigint | Uint8Array; max: bigint | Uint8Array }>()
  #otherBytes = 0

  constructor(count: number) {
    this.#flags = new Uint8Array(count)
    this.#nullCounts = new Uint32Array(count)
    this.#min = new Float64Array(count)
    this.#max = new Float64Array(count)
  }

  /** Memory held, about. */
  get byteLength(): number {
    return this.#flags.length * 21 + this.#otherBytes
  }

  /** The zone map of block `at`; a new object. */
  at(at: number): ZoneMap {
    const flags = this.#flags[at] as number
    const rest = { nullCount: this.#nullCounts[at] as number, hasNaN: (flags & hasNaNFlag) !== 0, known: (flags & knownFlag) !== 0 }
    if ((flags & boundsFlag) === 0) return { min: undefined, max: undefined, ...rest }
    const other = this.#others.get(at)
    return other === undefined ? { min: this.#min[at], max: this.#max[at], ...rest } : { ...other, ...rest }
  }

  /** Reads the zone map of block `at`. */
  read(reader: PayloadReader, at: number): void {
    const flags = reader.u8()
    this.#flags[at] = flags
    this.#nullCounts[at] = reader.varint()
    if ((flags & boundsFlag) === 0) return
    switch (flags >>> 4) {
      case doublesForm:
        this.#min[at] = reader.f64()
        this.#max[at] = reader.f64()
        break
      case wholeForm: {
        const zigzag = reader.varint()
        const min = zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2
        this.#min[at] = min
        this.#max[at] = min + reader.varint()
        break
      }
      case int64Form:
        this.#keep(at, reader.i64(), reader.i64())
        break
      case bytesForm:
        this.#keep(at, reader.view(reader.varint()).slice(), reader.view(reader.varint()).slice())
        break
      default:
        throw new RangeError(`zone map ${at} has an unknown form`)
    }
  }

  #keep(at: number, min: bigint | Uint8Array, max: bigint | Uint8Array): void {
    this.#others.set(at, { min, max })
    this.#otherBytes += 256 + (typeof min === 'bigint' ? 32 : min.length) + (typeof max === 'bigint' ? 32 : max.length)
  }
}

const knownFlag = 1
const hasNaNFlag = 2
const boundsFlag = 4
const doublesForm = 0
const wholeForm = 1
const int64Form = 2
const bytesForm = 3
/** Its zigzag form is still exact. */
const wholeMax = 2 ** 52

/** Writes a zone map as `ZoneMapStore.read` takes it. */
export function writeZoneMap(out: PayloadWriter, { min, max, nullCount, hasNaN, known }: ZoneMap): void {
  const flags = (known ? knownFlag : 0) | (hasNaN ? hasNaNFlag : 0)
  const put = (form: number): void => {
    out.u8(flags | boundsFlag | (form << 4))
    out.varint(nullCount)
  }
  if (typeof min === 'number' && typeof max === 'number') {
    if (Number.isInteger(min) && Number.isInteger(max) && Math.abs(min) < wholeMax && Math.abs(max) < wholeMax) {
      put(wholeForm)
      out.varint(min < 0 ? -2 * min - 1 : 2 * min)
      out.varint(max - min)
    } else {
      put(doublesForm)
      out.f64(min)
      out.f64(max)
    }
  } else if (typeof min === 'bigint' && typeof max === 'bigint') {
    put(int64Form)
    out.i64(min)
    out.i64(max)
  } else if (min instanceof Uint8Array && max instanceof Uint8Array) {
    put(bytesForm)
    out.varint(min.length)
    out.bytes(min)
    out.varint(max.length)
    out.bytes(max)
  } else {
    out.u8(flags)
    out.varint(nullCount)
  }
}
