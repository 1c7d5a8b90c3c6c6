import * as z from "zod";
import { Cifar5mError } from "../core/errors.ts";
import { type Regenerated, regenerateImage } from "../pipeline/repair/regenerate.ts";
import { defineCommand } from "./cli/command.ts";
import { option } from "./cli/options.ts";
import { printLines } from "./cli/print.ts";
import { runIfMain } from "./cli/run-if-main.ts";

/** Ranges of differing bytes that are named, at most. */
const maxShown = 16;

const options = z.object({
  id: z
    .int()
    .min(0)
    .meta(option("sample id of the image", { advice: "Give a sample id." })),
});

export const regenerateCommand = defineCommand({
  words: ["regenerate"],
  describe: "make one image again from its id, and compare it with the stored one",
  examples: [{ line: "cifar5m regenerate runs/mine --id 4711", effect: "compare image 4711, byte for byte" }],
  options,
  finish: async ({ folder, config, runtime, options: { id } }) => {
    const result = await regenerateImage({ folder, config, runtime, id });
    const where = `id ${id} (${result.path}, row ${result.row})`;
    if (result.differing.length > 0) {
      throw new Cifar5mError("regenerate/different", `${where} ${describeDifference(result)}`);
    }
    printLines(`same: ${where} is made again byte for byte`);
  },
});

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
  const starts = indices.filter((index, at) => indices[at - 1] !== index - 1);
  const ends = indices.filter((index, at) => indices[at + 1] !== index + 1);
  return starts.map((start, range) => (start === ends[range] ? `${start}` : `${start}-${ends[range]}`));
}

await runIfMain(import.meta.url, regenerateCommand);
