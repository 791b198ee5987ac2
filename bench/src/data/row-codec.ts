import { Buffer } from 'node:buffer'
import type { MetricRow } from './metrics-data.ts'

/**
 * Rows as key-value stores hold them: the smallest and fastest form that plain JavaScript offers, and far ahead of JSON.
 *
 * Key, in order: host (4 bytes, big-endian, sign flipped) | at (8 bytes, big-endian). Value: cpu (8) | mem (8) |
 * status (4) | tag (the rest, Latin-1).
 */
const keyBytes = 12

export function encodeKey(host: number, at: number): Buffer {
  const key = Buffer.allocUnsafe(keyBytes)
  key.writeUInt32BE((host ^ 0x80000000) >>> 0, 0)
  key.writeUInt32BE(Math.floor(at / 2 ** 32), 4)
  key.writeUInt32BE(at % 2 ** 32, 8)
  return key
}

export function encodeValue(row: MetricRow): Buffer {
  const value = Buffer.allocUnsafe(20 + row.tag.length)
  value.writeDoubleLE(row.cpu, 0)
  value.writeDoubleLE(row.mem, 8)
  value.writeInt32LE(row.status, 16)
  value.write(row.tag, 20, 'latin1')
  return value
}

export function decodeRow(key: Buffer, value: Buffer): MetricRow {
  return decodeValue((key.readUInt32BE(0) ^ 0x80000000) | 0, key.readUInt32BE(4) * 2 ** 32 + key.readUInt32BE(8), value)
}

/** The row of a key that is known; `byteLength` where the value is the front part of a larger buffer. */
export function decodeValue(host: number, at: number, value: Buffer, byteLength = value.length): MetricRow {
  return {
    host,
    at,
    cpu: value.readDoubleLE(0),
    mem: value.readDoubleLE(8),
    status: value.readInt32LE(16),
    tag: value.toString('latin1', 20, byteLength),
  }
}
