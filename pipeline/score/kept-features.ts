import { createHash } from "node:crypto";
import { join } from "node:path";
import { Cifar5mError } from "../../core/errors.ts";
import { imageBytes } from "../../core/image-layout.ts";
import { replaceBytes } from "../../storage/commit.ts";
import { readWholeFile } from "../../storage/read-file.ts";
import { removeStaleTemporaries } from "../../storage/temporary-file.ts";
import { computeFeatures, type FeatureNet } from "./feature-net.ts";
import type { Features } from "./features.ts";

/** Images of a part, which is kept when its features are computed: of a large network, a minute's work. */
const partSize = 1000;
/** A part is its values, float32, and their sha256. */
const hashBytes = 32;

/** How far features are. */
export interface FeatureProgress {
  readonly signal: AbortSignal;
  /** Told how many images more are done. */
  readonly count: (images: number) => void;
  /** Told how many images more were done before. */
  readonly countKept: (images: number) => void;
}

/**
 * The features of images, part by part; parts that an earlier call has left are used again.
 * @param folders - of these features only. A part is read from the first that has it, and kept in the first that takes it
 * @throws Cifar5mError `disk/…` where no folder takes a part
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

/** A part that is whole in one of the folders. */
async function readPart(folders: readonly string[], name: string, length: number): Promise<Float32Array | undefined> {
  for (const folder of folders) {
    const bytes = await withoutDiskErrors(() => readWholeFile(join(folder, name)));
    if (bytes?.length !== length * Float32Array.BYTES_PER_ELEMENT + hashBytes) continue;
    const [values, hash] = [bytes.subarray(0, -hashBytes), bytes.subarray(-hashBytes)];
    // Aligned anew: what is read may begin anywhere in a buffer.
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
  for (const folder of folders.slice(-1)) await replaceBytes(join(folder, name), bytes);
}

function sha256Of(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}

/** What a folder gives; undefined where the disk refuses. */
async function withoutDiskErrors<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await work();
  } catch (thrown) {
    if (thrown instanceof Cifar5mError && thrown.code.startsWith("disk/")) return undefined;
    throw thrown;
  }
}
