import { Cifar5mError } from "../../core/errors.ts";
import {
  type FingerprintKeys,
  fingerprintBytes,
  fingerprintImages,
  unpackFingerprints,
} from "../../core/image-fingerprint.ts";
import type { LabeledImages } from "../../core/image-layout.ts";
import { hashConfig } from "../../storage/canonical-json.ts";
import { readWholeFile } from "../../storage/read-file.ts";
import { type Receipt, readReceiptIfAny, readUndamaged } from "../../storage/receipt.ts";
import { sha256 } from "../../storage/sha256.ts";
import { listReceipts } from "../run/list-receipts.ts";
import type { RunFolder } from "../run/run-folder.ts";
import { shippedFile } from "../run/shipped-files.ts";
import { readFetchReceipts } from "./fetch.ts";
import { readCifar10 } from "./read-cifar-10.ts";

/** Fingerprints of CIFAR-10, which are read when they are first needed. */
export interface Cifar10Source {
  /** Identifies the images that the fingerprints are computed from; fast to get. */
  readonly sha256: string;
  readonly load: () => Promise<Cifar10Fingerprints>;
}

/** Fingerprints of the images that generated images must not repeat. */
export interface Cifar10Fingerprints {
  readonly train: FingerprintKeys;
  readonly test: FingerprintKeys;
}

/** Number of train images in the shipped file; the others are test images. */
const numShippedTrain = 50_000;
const numShipped = 60_000;

/**
 * Opens the CIFAR-10 that the run has fetched, or else the shipped fingerprints. So a set that is made with shipped
 * weights, without CIFAR-10 on this machine, holds no copy of it either. A run that began with the shipped ones, and
 * fetched CIFAR-10 later, for scores or an audit, keeps to them.
 * @throws Cifar5mError `fingerprints/wrong-size`, `cifar10/…`, `receipt/…`, `disk/…`
 */
export async function openCifar10Source(folder: RunFolder, recordsPerFile: number): Promise<Cifar10Source> {
  const receipts = await readFetchReceipts(folder);
  const path = shippedFile("cifar-10-fingerprints.bin");
  const bytes = await readWholeFile(path);
  const shipped = { sha256: sha256(bytes), load: async () => parseShippedFingerprints(bytes, path) };
  if (receipts !== undefined && (await readFirstSource(folder)) !== shipped.sha256) {
    return {
      sha256: hashOfCifar10(receipts),
      load: async () => {
        const { train, test } = await readCifar10(folder.cifar10, recordsPerFile);
        const fingerprintsOf = ({ images }: LabeledImages) => unpackFingerprints(fingerprintImages(images));
        return { train: fingerprintsOf(train), test: fingerprintsOf(test) };
      },
    };
  }
  return shipped;
}

/** The sha256 of the CIFAR-10 with which the run began to look for copies, if it has. */
async function readFirstSource(folder: RunFolder): Promise<string | undefined> {
  for (const stage of ["dedup", "publish"] as const) {
    for (const name of await listReceipts(folder, stage)) {
      const receipt = await readUndamaged(() => readReceiptIfAny(folder.receipt(stage, name)));
      if (receipt !== undefined) return receipt.models["cifar-10"];
    }
  }
  return undefined;
}

/** Identifies a fetched CIFAR-10, by the hashes of its files. */
export function hashOfCifar10(receipts: readonly Receipt[]): string {
  return hashConfig(receipts.map((receipt) => receipt.sha256));
}

/**
 * @param bytes - the file that `scripts/maintain/make-fingerprints.ts` wrote
 * @param path - named in errors
 * @throws Cifar5mError `fingerprints/wrong-size`
 */
export function parseShippedFingerprints(bytes: Uint8Array, path: string): Cifar10Fingerprints {
  if (bytes.length === numShipped * fingerprintBytes) {
    return {
      train: unpackFingerprints(bytes.subarray(0, numShippedTrain * fingerprintBytes)),
      test: unpackFingerprints(bytes.subarray(numShippedTrain * fingerprintBytes)),
    };
  }
  throw new Cifar5mError(
    "fingerprints/wrong-size",
    `${path} must be ${numShipped * fingerprintBytes} bytes, got ${bytes.length}. Install cifar5m again.`,
  );
}
