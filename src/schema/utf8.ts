import type { BytesVector } from './column-vector.ts'

const encoder = new TextEncoder()
/** From this length on, the native encoder beats the loop. */
const nativeFrom = 48
/** Longer texts than this are not joined: the engine bounds the length of a string. */
const joinedUnitsMax = 2 ** 26

/**
 * Writes `text` as UTF-8 at `at`; the caller has made room for 3 × `text.length` bytes. Returns the end position, or
 * −1 if the text is not well-formed (a lone surrogate). Hot: a plain loop, since most strings are short and ASCII.
 */
export function writeUtf8(bytes: Uint8Array, at: number, text: string): number {
  const length = text.length
  if (length >= nativeFrom) return writeLong(bytes, at, text)
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i)
    if (code >= 0x80) return writeWide(bytes, at, text, i)
    bytes[at++] = code
  }
  return at
}

function writeLong(bytes: Uint8Array, at: number, text: string): number {
  if (!text.isWellFormed()) return -1
  return at + encoder.encodeInto(text, bytes.subarray(at)).written
}

function writeWide(bytes: Uint8Array, at: number, text: string, from: number): number {
  const length = text.length
  for (let i = from; i < length; i++) {
    let code = text.charCodeAt(i)
    if (code < 0x80) {
      bytes[at++] = code
      continue
    }
    if (code < 0x800) {
      bytes[at++] = 0xc0 | (code >> 6)
    } else {
      if (code >= 0xd800 && code <= 0xdfff) {
        const low = i + 1 < length ? text.charCodeAt(i + 1) : 0
        if (code > 0xdbff || low < 0xdc00 || low > 0xdfff) return -1
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00)
        i++
        bytes[at++] = 0xf0 | (code >> 18)
        bytes[at++] = 0x80 | ((code >> 12) & 0x3f)
      } else {
        bytes[at++] = 0xe0 | (code >> 12)
      }
      bytes[at++] = 0x80 | ((code >> 6) & 0x3f)
    }
    bytes[at++] = 0x80 | (code & 0x3f)
  }
  return at
}

/**
 * The values `[from .. to)` as a vector, if every one of them is a string of ASCII; else undefined. Joined, they are
 * encoded in one native call: a third of the time of one by one. The room is as long as the text, so that whatever takes
 * more than a byte a code unit does not fit and is found out.
 */
export function asciiVector(values: readonly unknown[], from: number, to: number): BytesVector | undefined {
  const length = to - from
  const offsets = new Uint32Array(length + 1)
  let text = ''
  for (let i = 0; i < length; i++) {
    const value = values[from + i]
    if (typeof value !== 'string') return undefined
    text += value
    if (text.length > joinedUnitsMax) return undefined
    offsets[i + 1] = text.length
  }
  const bytes = new Uint8Array(text.length)
  if (encoder.encodeInto(text, bytes).read < text.length) return undefined
  return { form: 'bytes', length, offsets, bytes, nulls: undefined }
}

/** Reads `bytes[from .. to)` as UTF-8. Unrolled for short ASCII (a quarter of the native call's time), else native. */
export function readUtf8(bytes: Uint8Array, from: number, to: number): string {
  const length = to - from
  if (length <= 8) return readShort(bytes, from, length) ?? readNative(bytes, from, to)
  if (length <= 16) {
    const head = readShort(bytes, from, 8)
    const tail = readShort(bytes, from + 8, length - 8)
    if (head !== undefined && tail !== undefined) return head + tail
  }
  return readNative(bytes, from, to)
}

/** Up to 8 bytes, or undefined if one of them is not ASCII. */
function readShort(bytes: Uint8Array, at: number, length: number): string | undefined {
  if (length === 0) return ''
  const a = bytes[at] as number
  if (length === 1) return a < 0x80 ? String.fromCharCode(a) : undefined
  const b = bytes[at + 1] as number
  if (length === 2) return (a | b) < 0x80 ? String.fromCharCode(a, b) : undefined
  const c = bytes[at + 2] as number
  if (length === 3) return (a | b | c) < 0x80 ? String.fromCharCode(a, b, c) : undefined
  const d = bytes[at + 3] as number
  if ((a | b | c | d) >= 0x80) return undefined
  if (length === 4) return String.fromCharCode(a, b, c, d)
  const e = bytes[at + 4] as number
  if (length === 5) return e < 0x80 ? String.fromCharCode(a, b, c, d, e) : undefined
  const f = bytes[at + 5] as number
  if (length === 6) return (e | f) < 0x80 ? String.fromCharCode(a, b, c, d, e, f) : undefined
  const g = bytes[at + 6] as number
  if (length === 7) return (e | f | g) < 0x80 ? String.fromCharCode(a, b, c, d, e, f, g) : undefined
  const h = bytes[at + 7] as number
  return (e | f | g | h) < 0x80 ? String.fromCharCode(a, b, c, d, e, f, g, h) : undefined
}

/** Making a Buffer costs as much as reading a string does, so the last one is kept, if it is small. */
const reusableBytesMax = 2 ** 20
let lastBytes: Uint8Array | undefined
let lastBuffer = Buffer.alloc(0)

function readNative(bytes: Uint8Array, from: number, to: number): string {
  if (bytes === lastBytes) return lastBuffer.toString('utf8', from, to)
  const buffer = Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.byteLength <= reusableBytesMax) {
    lastBytes = bytes
    lastBuffer = buffer
  }
  return buffer.toString('utf8', from, to)
}
