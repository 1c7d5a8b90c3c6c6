import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { Cifar5mError } from "../../core/errors.ts";

/**
 * The folder for files of this user's programs that can be fetched again. As the XDG base directory specification says,
 * a relative path in the variable is ignored.
 * @throws Cifar5mError `store/no-home`
 */
export function defaultCacheDirectory(): string {
  const base = process.env.XDG_CACHE_HOME;
  return join(base !== undefined && isAbsolute(base) ? base : join(homeFolder(), ".cache"), "cifar5m");
}

function homeFolder(): string {
  try {
    const home = homedir();
    if (isAbsolute(home)) return home;
  } catch {
    // A user without an entry, as in a container that was started with a number.
  }
  throw new Cifar5mError(
    "store/no-home",
    "the cache of fetched shards is in the home folder, and this user has none. Set XDG_CACHE_HOME, or the option " +
      "cache.directory, to a folder that can be written to.",
  );
}
