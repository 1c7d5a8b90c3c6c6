import { BuilderError } from "../core/errors.ts";
import { sha256 } from "../shards/index.ts";
import { readFetchReceipts } from "./fetch.ts";
import { type FingerprintKeys, fingerprintBytes, fingerprintImages, unpackFingerprints } from "./fingerprint.ts";
import { readCifar10 } from "./read-cifar-10.ts";
import { readWholeFile } from "./read-file.ts";
import type { RunFolder } from "./run-folder.ts";
import { shippedFile } from "./shipped-files.ts";

/** What generated images must not repeat. */
export interface Cifar10Fingerprints {
  readonly train: FingerprintKeys;
  readonly test: FingerprintKeys;
  /** Of the fingerprints, train before test, in the order of the records. */
  readonly sha256: string;
}

/** Train images in the shipped file; the rest are test images. */
const numShippedTrain = 50_000;
const numShipped = 60_000;

/**
 * The fingerprints of the CIFAR-10 that the run has fetched; else the shipped ones, so that a set made with shipped
 * weights, without any CIFAR-10 at hand, holds no copy of it either.
 */
export async function loadCifar10Fingerprints(folder: RunFolder, recordsPerFile: number): Promise<Cifar10Fingerprints> {
  const receipts = await readFetchReceipts(folder);
  if (receipts === undefined) return await readShippedFingerprints(shippedFile("cifar-10-fingerprints.bin"));
  const [train, test] = await Promise.all(
    (["train", "test"] as const).map(async (split) => {
      const { images } = await readCifar10({ folder: folder.cifar10, split, recordsPerFile });
      return fingerprintImages(images);
    }),
  );
  return fromBytes(Buffer.concat([train!, test!]), train!.length);
}

/** @throws BuilderError `fingerprints/wrong-size`, `disk/…` */
export async function readShippedFingerprints(path: string): Promise<Cifar10Fingerprints> {
  const bytes = await readWholeFile(path);
  if (bytes.length === numShipped * fingerprintBytes) return fromBytes(bytes, numShippedTrain * fingerprintBytes);
  throw new BuilderError(
    "fingerprints/wrong-size",
    `${path} must be ${numShipped * fingerprintBytes} bytes, got ${bytes.length}. Install cifar5m again.`,
  );
}

function fromBytes(bytes: Uint8Array, trainBytes: number): Cifar10Fingerprints {
  return {
    train: unpackFingerprints(bytes.subarray(0, trainBytes)),
    test: unpackFingerprints(bytes.subarray(trainBytes)),
    sha256: sha256(bytes),
  };
}
