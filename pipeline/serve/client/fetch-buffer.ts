import { ask, orUnreachable } from "./ask.ts";

/**
 * Fetches all bytes under a path.
 * @param onProgress - told the share of the bytes that has come, if the server says how many there are
 * @returns undefined if there is nothing under this path
 * @throws Error as `ask`, or if the bytes end too early
 */
export async function fetchBuffer(
  path: string,
  onProgress: (share: number) => void = () => undefined,
): Promise<ArrayBuffer | undefined> {
  const response = await ask(path);
  if (response === undefined) return undefined;
  if (response.body === null) return new ArrayBuffer(0);
  const total = lengthOf(response.headers);
  const reader = response.body.getReader();
  return total === undefined ? await collect(reader) : await fill(reader, total, onProgress);
}

type Reader = ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
const readPiece = (reader: Reader) => orUnreachable(reader.read());

/** Number of bytes of a body, or undefined: a proxy may leave it out, or compress the body, whose length is then another. */
function lengthOf(headers: Headers): number | undefined {
  const length = headers.get("content-length");
  return length === null || headers.has("content-encoding") ? undefined : Number(length);
}

/** Reads a body of a known length into one buffer, so that it is in memory once. */
async function fill(reader: Reader, total: number, onProgress: (share: number) => void): Promise<ArrayBuffer> {
  const bytes = new Uint8Array(total);
  let filled = 0;
  for (let piece = await readPiece(reader); !piece.done; piece = await readPiece(reader)) {
    bytes.set(piece.value, filled);
    filled += piece.value.length;
    onProgress(filled / total);
  }
  if (filled !== total) throw new Error(`The server's answer ended at byte ${filled} of ${total}.`);
  return bytes.buffer;
}

/** Reads a body of an unknown length. */
async function collect(reader: Reader): Promise<ArrayBuffer> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for (let piece = await readPiece(reader); !piece.done; piece = await readPiece(reader)) pieces.push(piece.value);
  return await new Blob(pieces).arrayBuffer();
}
