import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";

/**
 * Hexadecimal sha256 of the UTF-8 bytes of a string. It runs in browsers too. Unlike their built-in hash, it is synchronous.
 */
export function hashText(text: string): string {
  return bytesToHex(sha256(utf8ToBytes(text)));
}
