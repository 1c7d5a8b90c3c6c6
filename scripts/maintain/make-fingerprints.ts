/**
 * Makes `weights/cifar-10-fingerprints.bin` from CIFAR-10: 16 bytes an image, train before test; see core/image-fingerprint.ts.
 * For those who work on this package: `node dist/scripts/maintain/make-fingerprints.js CIFAR-10-FOLDER`.
 */

import { fingerprintImages } from "../../core/image-fingerprint.ts";
import { readCifar10 } from "../../pipeline/cifar-10/read-cifar-10.ts";
import { shippedFile } from "../../pipeline/run/shipped-files.ts";
import { replaceBytes } from "../../storage/commit.ts";
import { reportError } from "../cli/exit-codes.ts";

const [, , folder] = process.argv;
if (folder === undefined) {
  process.stderr.write("usage/wrong: name the folder with CIFAR-10's binary version.\n");
  process.exitCode = 2;
} else {
  try {
    const { train, test } = await readCifar10(folder);
    const path = shippedFile("cifar-10-fingerprints.bin");
    const { sha256 } = await replaceBytes(
      path,
      Buffer.concat([train, test].map(({ images }) => fingerprintImages(images))),
    );
    process.stdout.write(`${path}: sha256 ${sha256}\n`);
  } catch (thrown) {
    process.exitCode = reportError(thrown, { verbose: true });
  }
}
