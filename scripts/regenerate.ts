import { Cifar5mError } from "../core/errors.ts";
import { type Regenerated, regenerateImage } from "../pipeline/repair/regenerate.ts";
import type { Command } from "./cli/command.ts";
import { printLines } from "./cli/print.ts";
import { runIfMain } from "./cli/run-if-main.ts";

/** Runs of differing bytes that are named. */
const maxShown = 16;

export const regenerateCommand: Command = {
  words: ["regenerate"],
  describe: "make one image again from its id, and compare it with the stored one",
  configKeys: [],
  options: { id: { type: "string", requiresArg: true, demandOption: true, describe: "sample id of the image" } },
  finish: async ({ root, config, runtime, option }) => {
    const text = option("id") ?? "";
    const id = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!Number.isSafeInteger(id)) {
      throw new Cifar5mError(
        "usage/out-of-range",
        `--id must be an integer, at least 0, got ${text}. Give a sample id.`,
      );
    }
    const result = await regenerateImage({ root, config, runtime, id });
    const place = `id ${id} (${result.path}, row ${result.row})`;
    if (result.differing.length > 0) {
      throw new Cifar5mError("regenerate/different", `${place} ${describeDifference(result)}`);
    }
    printLines(`same: ${place} is made again byte for byte`);
  },
};

function describeDifference({ stored, made, differing }: Regenerated): string {
  const largest = Math.max(...differing.map((index) => Math.abs(stored[index]! - made[index]!)));
  const ranges = toRanges(differing);
  const shown = ranges.slice(0, maxShown).join(", ");
  const more = ranges.length > maxShown ? ` and ${ranges.length - maxShown} more ranges` : "";
  return (
    `differs in ${differing.length} of ${stored.length} bytes, by up to ${largest} of 255: bytes ${shown}${more}. ` +
    "Run `cifar5m verify`; if the run is whole, another engine, device or release made it."
  );
}

/** 4, 5, 6, 9 → `4-6`, `9`. */
function toRanges(indices: readonly number[]): string[] {
  const starts = indices.filter((index, place) => indices[place - 1] !== index - 1);
  const ends = indices.filter((index, place) => indices[place + 1] !== index + 1);
  return starts.map((start, place) => (start === ends[place] ? `${start}` : `${start}-${ends[place]}`));
}

await runIfMain(import.meta.url, regenerateCommand);
