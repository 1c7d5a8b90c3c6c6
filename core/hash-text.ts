import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";

/** Hexadecimal sha256 of the UTF-8 bytes of a text. Runs in browsers too, at once, where their own hash is a promise. */
export function hashText(text: string): string {
  return bytesToHex(sha256(utf8ToBytes(text)));
}
