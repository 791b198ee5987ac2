import { beginFrame, frameHeaderBytes, frameTypes, readU64, sealFrame, writeU64 } from './frame.ts'

/**
 * What a `synced` frame of the log says, written when a sync has ended and nothing else follows it yet. Payload:
 *
 *     0  u64  number of the manifest in force, 0: not said
 *     8  u64  bytes of that manifest that are synced
 *    16  u64  final length of the segment's predecessor in bytes, 0: none
 *
 * So the log bears witness for the manifest and for the segment before: either one cut short afterwards is noticed.
 */
export interface SyncedMark {
  readonly manifestNumber: number
  readonly manifestBytes: number
  readonly predecessorBytes: number
}

export const syncedMarkBytes = frameHeaderBytes + 24

export function encodeSyncedMark(
  mark: SyncedMark,
  o: { seed: number; position: number; syncedBytes: number; predecessor: number },
): Uint8Array {
  const bytes = new Uint8Array(syncedMarkBytes)
  const view = new DataView(bytes.buffer)
  beginFrame(view, 0, frameTypes.synced, o.predecessor % 0x1_0000_0000, syncedMarkBytes - frameHeaderBytes)
  writeU64(view, frameHeaderBytes, mark.manifestNumber)
  writeU64(view, frameHeaderBytes + 8, mark.manifestBytes)
  writeU64(view, frameHeaderBytes + 16, mark.predecessorBytes)
  sealFrame(bytes, view, 0, o)
  return bytes
}

/** The mark in a frame's payload. */
export function decodeSyncedMark(view: DataView, payloadStart: number): SyncedMark {
  return {
    manifestNumber: readU64(view, payloadStart),
    manifestBytes: readU64(view, payloadStart + 8),
    predecessorBytes: readU64(view, payloadStart + 16),
  }
}
