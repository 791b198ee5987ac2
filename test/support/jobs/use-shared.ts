/** Writes into what is shared, returns what was moved, and counts its calls in this worker. */
let calls = 0
export default function useShared({ shared, moved }: { shared: Int32Array; moved: ArrayBuffer }): { moved: ArrayBuffer; calls: number } {
  Atomics.add(shared, 0, 41)
  return { moved, calls: ++calls }
}
