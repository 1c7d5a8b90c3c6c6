import { join } from "node:path";
import { chwToHwc } from "../../../core/image-layout.ts";
import { readRun } from "../../../pipeline/run/run.ts";
import { runFolderAt } from "../../../pipeline/run/run-folder.ts";
import type { ServedRun } from "../../../pipeline/serve/served-run.ts";
import { cifar10FileBytes, makeCifar10 } from "../../support/make-cifar-10.ts";
import { makeTestFolder } from "../../support/make-rows.ts";
import { runBuild } from "../../support/run-build.ts";
import { mirrored, standInRuntime } from "../../support/stand-in-runtime.ts";

/** Record `record` of a file of the synthetic CIFAR-10, shape [32, 32, 3]. */
export function cifarImage(file: number, record: number): Uint8Array {
  const image = new Uint8Array(3072);
  chwToHwc(cifar10FileBytes(file).subarray(record * 3073 + 1, (record + 1) * 3073), image);
  return image;
}

/** A finished run of 50 and 21 images, with planted copies of which the build removes four. */
export async function makeServedRun() {
  const [root, data] = [join(await makeTestFolder(), "run"), join(await makeTestFolder(), "cifar-10")];
  await makeCifar10(data);
  const common = new Uint8Array(3072).map((_, at) => (at * 37) % 251);
  const planted = new Map([
    [7, cifarImage(0, 3)],
    [12, mirrored(cifarImage(1, 2))],
    [20, cifarImage(5, 4)],
    [30, common],
    [31, mirrored(common)],
  ]);
  const runtime = standInRuntime({ planted });
  await runBuild({ root, runtime, sources: { data } });
  // As `cifar5m fetch` leaves it; a build with --data keeps no copy.
  await makeCifar10(join(root, "cifar-10"));
  const folder = runFolderAt(root);
  const served: ServedRun = { folder, run: await readRun(folder), runtime };
  return { root, data, served, planted };
}
