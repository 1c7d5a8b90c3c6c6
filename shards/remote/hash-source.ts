import { createHash } from "node:crypto";
import { nextTurn } from "../../core/next-turn.ts";
import type { FileSource } from "../arrow/byte-source.ts";

/** sha256 of an open file. Other work can run between pieces of 1 MiB. */
export async function hashSource(source: FileSource, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  const piece = Buffer.allocUnsafe(1 << 20);
  for (let position = 0; position < source.bytes; position += piece.length) {
    signal.throwIfAborted();
    const part = piece.subarray(0, Math.min(piece.length, source.bytes - position));
    source.readInto(position, part);
    hash.update(part);
    await nextTurn();
  }
  return hash.digest("hex");
}
