import type Sharp from "sharp";
import { Cifar5mError, messageOf } from "../core/errors.ts";

/**
 * Loads sharp, which encodes and decodes pictures. It is native code that a platform may lack, so only what makes
 * pictures depends on it, when it makes one.
 * @throws Cifar5mError `picture/no-sharp`
 */
export async function loadSharp(): Promise<typeof Sharp> {
  try {
    return (await import("sharp")).default;
  } catch (thrown) {
    throw new Cifar5mError(
      "picture/no-sharp",
      `the package sharp must load to read and write pictures, and does not (${messageOf(thrown).split("\n", 1)[0]!}). ` +
        "Install it: npm install --include=optional sharp. Then run the same command again to go on.",
    );
  }
}
