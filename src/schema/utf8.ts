const encoder = new TextEncoder()
/** From this length on, the native encoder beats the loop. */
const nativeFrom = 48

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

/** Reads `bytes[from .. to)` as UTF-8. A loop for short ASCII, else the native decoder. */
export function readUtf8(bytes: Uint8Array, from: number, to: number): string {
  if (to - from <= 12) {
    let text = ''
    for (let i = from; i < to; i++) {
      const code = bytes[i] as number
      if (code >= 0x80) return readNative(bytes, from, to)
      text += String.fromCharCode(code)
    }
    return text
  }
  return readNative(bytes, from, to)
}

function readNative(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8', from, to)
}
