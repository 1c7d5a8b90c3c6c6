import * as z from "zod";
import { Cifar5mError } from "../../core/errors.ts";
import { parseJsonAs } from "../../core/parse-json-as.ts";
import { canonicalJson } from "../../storage/canonical-json.ts";
import { readWholeFile } from "../../storage/read-file.ts";

/** Why samples are removed. Lists of copies hold indices into this one, so it may only grow at its end. */
export const removalReasons = [
  "duplicate-of-cifar10-train",
  "duplicate-of-cifar10-test",
  "duplicate-within-set",
  "near-copy-of-cifar10-train",
  "memorized-from-cifar10-train",
  "leak-from-cifar10-test",
] as const;

const removalSchema = z.strictObject({
  /** The sample that was removed. */
  id: z.int().min(0),
  reason: z.enum(removalReasons),
  /** Whether the sample resembles the mirror image of its partner. */
  mirrored: z.boolean(),
  /** Sample id of the kept copy, or record index in the split of CIFAR-10, in the order of the run's copy. */
  partner: z.int().min(0),
  /** Identifies the partner in any copy of CIFAR-10, whatever its order; see image-fingerprint.ts. */
  fingerprint: z.string().regex(/^[0-9a-f]{32}$/),
});

/** A sample that is not in the data set, and the reason. */
export type Removal = Readonly<z.infer<typeof removalSchema>>;
export type RemovalReason = Removal["reason"];

/** The text of a file of removals: one JSON object a line. */
export function writeRemovals(removals: readonly Removal[]): string {
  return removals.map((removal) => `${canonicalJson(removal)}\n`).join("");
}

/** @throws Cifar5mError `removals/corrupt`, `disk/…` */
export async function readRemovals(path: string): Promise<Removal[]> {
  return parseRemovals(await readWholeFile(path), path);
}

/** The removals of a file. @param path - named in errors. @throws Cifar5mError `removals/corrupt` */
export function parseRemovals(bytes: Uint8Array, path: string): Removal[] {
  const text = Buffer.from(bytes).toString("utf8");
  return text.split("\n").flatMap((line, index) => (line === "" ? [] : [parseRemoval(line, index + 1, path)]));
}

function parseRemoval(line: string, lineNumber: number, path: string): Removal {
  return parseJsonAs(
    removalSchema,
    line,
    (problem) =>
      new Cifar5mError(
        "removals/corrupt",
        `line ${lineNumber} of ${path} must describe a removal, and does not: ${problem}. Run \`cifar5m repair\` to rebuild ` +
          "the file; if the run is not finished, delete the file and its receipt and run again.",
      ),
  );
}
