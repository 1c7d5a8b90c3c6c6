import { createHash } from "node:crypto";
import { join } from "node:path";
import { Cifar5mError } from "../../core/errors.ts";
import { imageBytes } from "../../core/image-layout.ts";
import { replaceBytes } from "../../storage/commit.ts";
import { readWholeFile } from "../../storage/read-file.ts";
import { removeStaleTemporaries } from "../../storage/temporary-file.ts";
import { computeFeatures, type FeatureNet } from "./feature-net.ts";
import type { Features } from "./features.ts";

/** Number of images of a part, which is kept when its features are computed. A large network takes a minute for it. */
const partSize = 1000;
/** Bytes of the sha256 at the end of a part, after its float32 values. */
const hashBytes = 32;

/** Reports the progress of features. */
export interface FeatureProgress {
  readonly signal: AbortSignal;
  /** Receives the number of images that were just done. */
  readonly count: (images: number) => void;
  /** Receives the number of images that an earlier call had done. */
  readonly countKept: (images: number) => void;
}

/**
 * The features of images, computed part by part. Parts of an earlier call are used again.
 * @param folders - folders of these features only. A part is read from the first folder that has it, and written to the
 *   first that accepts it
 * @throws Cifar5mError `disk/…` if no folder accepts a part
 */
export async function computeKeptFeatures(
  net: FeatureNet,
  images: Uint8Array,
  folders: readonly string[],
  { signal, count, countKept }: FeatureProgress,
): Promise<Features> {
  for (const folder of folders) await withoutDiskErrors(() => removeStaleTemporaries(folder));
  const numImages = images.length / imageBytes;
  const values = new Float32Array(numImages * net.width);
  for (let start = 0; start < numImages; start += partSize) {
    const numInPart = Math.min(partSize, numImages - start);
    const name = `${String(start).padStart(7, "0")}.f32`;
    let part = await readPart(folders, name, numInPart * net.width);
    if (part === undefined) {
      const inPart = images.subarray(start * imageBytes, (start + numInPart) * imageBytes);
      part = (await computeFeatures(net, inPart, { signal, count })).values;
      await keepPart(folders, name, part);
    } else countKept(numInPart);
    values.set(part, start * net.width);
  }
  return { count: numImages, width: net.width, values };
}

/** An undamaged part from one of the folders, or undefined. */
async function readPart(folders: readonly string[], name: string, length: number): Promise<Float32Array | undefined> {
  for (const folder of folders) {
    const bytes = await withoutDiskErrors(() => readWholeFile(join(folder, name)));
    if (bytes?.length !== length * Float32Array.BYTES_PER_ELEMENT + hashBytes) continue;
    const [values, hash] = [bytes.subarray(0, -hashBytes), bytes.subarray(-hashBytes)];
    // Copied for alignment: the bytes that were read may start at any offset of a buffer.
    if (sha256Of(values).equals(hash)) return new Float32Array(Uint8Array.from(values).buffer);
  }
  return undefined;
}

async function keepPart(folders: readonly string[], name: string, part: Float32Array): Promise<void> {
  const values = new Uint8Array(part.buffer, part.byteOffset, part.byteLength);
  const bytes = Buffer.concat([values, sha256Of(values)]);
  for (const folder of folders.slice(0, -1)) {
    if ((await withoutDiskErrors(() => replaceBytes(join(folder, name), bytes))) !== undefined) return;
  }
  const last = folders.at(-1);
  if (last !== undefined) await replaceBytes(join(last, name), bytes);
}

function sha256Of(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}

/** The result for a folder; undefined if the disk refuses. */
async function withoutDiskErrors<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await work();
  } catch (thrown) {
    if (thrown instanceof Cifar5mError && thrown.code.startsWith("disk/")) return undefined;
    throw thrown;
  }
}
