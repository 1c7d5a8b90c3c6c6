/** Allocates memory whose bytes the caller will overwrite. On Node it is not filled with zeros first. */
export function allocateBytes(numBytes: number): ArrayBuffer {
  return typeof Buffer === "undefined" ? new ArrayBuffer(numBytes) : Buffer.allocUnsafeSlow(numBytes).buffer;
}
