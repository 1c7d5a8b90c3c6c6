import { join } from "node:path";
import { Cifar5mError } from "../../core/errors.ts";
import { commitBytes } from "../../storage/commit.ts";
import { listFolder } from "../../storage/list-folder.ts";
import { type Identity, pinConfig } from "../../storage/pin-config.ts";
import { removeStaleTemporaries } from "../../storage/temporary-file.ts";
import { classNamesFile } from "../import/class-names.ts";

const pinnedName = "export.json";

/**
 * Claims the folder of an export, or confirms that an earlier call of the same export claimed it.
 * @returns the hash of the identity, for receipts
 * @throws Cifar5mError `export/target-not-empty`, `run/config-changed`, `disk/…`
 */
export async function openExportTarget(
  target: string,
  identity: Identity,
  classNames: readonly string[],
): Promise<string> {
  const names = await listFolder(target);
  const stranger = names.find((name) => !name.includes(".tmp~"));
  if (stranger !== undefined && !names.includes(pinnedName)) {
    throw new Cifar5mError(
      "export/target-not-empty",
      `${target} must be empty or hold an interrupted export, and holds ${JSON.stringify(stranger)}. ` +
        "Name another folder with --to.",
    );
  }
  await removeStaleTemporaries(target);
  const hash = await pinConfig(
    join(target, pinnedName),
    identity,
    "Continue with the same options and the same data set, or name another folder with --to.",
  );
  await commitBytes(join(target, classNamesFile), classNames.map((name) => `${name}\n`).join(""));
  return hash;
}
