import type { Readable } from "node:stream";
import { crc32 } from "node:zlib";
import type { Entry } from "yauzl";

/**
 * The bytes of a zip archive's member, in chunks.
 * @param stream - the open member; it may fail before the first chunk is requested
 * @throws Error after the last chunk if the bytes do not match the archive's checksum; the error of the stream
 */
export function readZipEntry(entry: Entry, stream: Readable): AsyncGenerator<Uint8Array> {
  let failure: unknown;
  stream.on("error", (error) => {
    failure ??= error;
  });
  return chunks();

  async function* chunks() {
    if (failure !== undefined) throw failure;
    let sum = 0;
    for await (const chunk of stream) {
      sum = crc32(chunk as Uint8Array, sum);
      yield chunk as Uint8Array;
      if (failure !== undefined) throw failure;
    }
    if (sum === entry.crc32) return;
    throw new Error(`the checksum of ${entry.fileName} is ${hex(sum)}, the archive says ${hex(entry.crc32)}`);
  }
}

function hex(sum: number): string {
  return sum.toString(16).padStart(8, "0");
}
