import { damagedFileAdvice } from "../../core/damaged-file-advice.ts";
import { Cifar5mError } from "../../core/errors.ts";
import { fileExists } from "../../storage/read-file.ts";

/**
 * Checks that a shard is there.
 * @param path - of a shard that a manifest lists
 * @throws Cifar5mError `shard/missing`, `disk/…`
 */
export async function requireShard(path: string): Promise<void> {
  if (await fileExists(path)) return;
  throw new Cifar5mError("shard/missing", `${path} is listed in the manifest but does not exist. ${damagedFileAdvice}`);
}
