/** Memory whose bytes are all going to be written: where the platform can, it is not zeroed first. */
export function allocateBytes(numBytes: number): ArrayBuffer {
  return typeof Buffer === "undefined" ? new ArrayBuffer(numBytes) : Buffer.allocUnsafeSlow(numBytes).buffer;
}
