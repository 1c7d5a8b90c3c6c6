import { createHash } from "node:crypto";

/** Hexadecimal sha256 of bytes, or of the UTF-8 bytes of a text. */
export function sha256(data: Uint8Array | string): string {
  return createHash("sha256").update(data).digest("hex");
}
