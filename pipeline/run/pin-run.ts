import { Cifar5mError } from "../../core/errors.ts";
import { commitBytes } from "../../storage/commit.ts";
import { fileExists } from "../../storage/read-file.ts";
import type { Config } from "./config.ts";
import { datasetIdentity } from "./dataset-identity.ts";
import { findLostRun } from "./find-lost-run.ts";
import { noRun, type PinnedRun, pinnedFiles, readPinnedRun, requireSameRun } from "./pinned-run.ts";
import type { RunFolder } from "./run-folder.ts";

/**
 * Pins a new run, or checks the one that is pinned and lets it grow. Each size is a file of its own that is written
 * once, so of workers that ask for unlike sizes at the same time one comes first, and the other grows from there or is
 * refused.
 * @param mayGrow - false for stages that make no images: they pin nothing
 * @throws Cifar5mError `run/config-changed`, `run/missing`, `run/lost`, `run/unreadable`, `json/corrupt`, `disk/…`
 */
export async function pinRun(folder: RunFolder, config: Config, mayGrow: boolean): Promise<PinnedRun> {
  const { count, testCount } = config;
  for (;;) {
    const pinned = await readPinnedRun(folder);
    if (pinned === undefined) {
      if (!mayGrow) throw await noRun(folder);
      await pin({ identity: datasetIdentity(config), sizes: [{ count, testCount }] });
      continue;
    }
    requireSameRun(folder, pinned, config);
    const size = pinned.sizes?.at(-1);
    if (size === undefined || (size.count === count && size.testCount === testCount)) return pinned;
    if (!mayGrow) {
      throw new Cifar5mError(
        "run/config-changed",
        `${folder.root} has ${size.count} + ${size.testCount} images, not ${count} + ${testCount}: let it grow by \`cifar5m build\` or \`cifar5m sample\` first.`,
      );
    }
    await pin({ ...pinned, sizes: [...pinned.sizes!, { count, testCount }] });
  }

  async function pin(wanted: PinnedRun): Promise<void> {
    const lost = await findLostRun(folder, wanted);
    const file = pinnedFiles(folder, wanted).at(-1)!;
    if (lost === undefined) await commitBytes(file.path, file.text);
    // Unless another worker has pinned it meanwhile, and went on from there.
    else if (!(await fileExists(file.path))) throw lost;
  }
}
