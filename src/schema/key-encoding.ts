/**
 * Order-preserving encoding of primary keys, a block at a time. STABLE ON DISK.
 *
 * Columns follow each other in key order. Each is encoded so that bytes compare as values do:
 *   bool               1 byte, 0 or 1
 *   int8, int16, int32 1, 2, 4 bytes big-endian, sign bit flipped
 *   int64, timestamp   8 bytes big-endian, sign bit flipped
 *   string             UTF-8, each 0x00 written as 00 FF, terminated by 00 00: orders by code point, a prefix first
 *   binary             the bytes, escaped and terminated in the same way
 * No encoded key is a prefix of another one of its table. This file is the one place to import key functions from.
 */
export { encodeKeys, gatherKeys } from './block-keys.ts'
export { decodeKey, keyBytes, keyColumnEnds, keysFromBytes, keyValuesToObject } from './key-bytes.ts'
export { gatherHashes, hashKey, hashKeys, hashLeadingWords } from './key-hash.ts'
export { type FixedKeyLayout, type KeyLayout, keyBytesMax, keyLayout, type VariableKeyLayout } from './key-layout.ts'
export { type EncodedKeyRange, type KeyBounds, keyRange } from './key-range.ts'
export { compareBytes, compareKeys, compareKeyToBytes, compareRanges, findKey, lowerBound, prefixEnd } from './key-search.ts'
export { encodeKey, encodeKeyPrefix, encodeKeyValues, keysOf, probeKey, probeRoom, singleKey } from './user-key.ts'
