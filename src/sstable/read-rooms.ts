/**
 * Memory that large blocks are read into again and again, where nobody keeps them: such a read would else make as much
 * garbage as the block is large, and V8 begins a full collection for every hundred megabytes of it.
 */

/** What waits to be used again takes no more than this … */
const waitingBytesMax = 2 * 1024 * 1024
/** … and a block no more room than its size, and this share of it: if it is kept after all, so is the room. */
const slackShare = 0.125

const waiting: ArrayBuffer[] = []
let waitingBytes = 0

/** A room for a block of so many bytes that waits to be used again, if there is one. */
export function takeRoom(bytes: number): ArrayBuffer | undefined {
  const at = waiting.findLastIndex(({ byteLength }) => byteLength >= bytes && byteLength <= bytes * (1 + slackShare))
  if (at < 0) return undefined
  const [room] = waiting.splice(at, 1)
  waitingBytes -= room?.byteLength ?? 0
  return room
}

/**
 * The rooms that the blocks of one look-up lie in. Blocks of a look-up that never gives them back are left to the garbage
 * collector, like any others.
 */
export class BorrowedRooms {
  private rooms: ArrayBuffer[] = []

  add(room: ArrayBuffer): void {
    this.rooms.push(room)
  }

  /** Nobody looks at the blocks any more, nor at any part of them: others may be read into their rooms. */
  giveBack(): void {
    const rooms = this.rooms
    this.rooms = []
    for (const room of rooms) {
      if (room.byteLength > waitingBytesMax) continue
      waiting.push(room)
      waitingBytes += room.byteLength
      while (waitingBytes > waitingBytesMax) waitingBytes -= waiting.shift()?.byteLength ?? 0
    }
  }
}
