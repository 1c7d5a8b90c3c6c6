import { dirname, relative, resolve } from "node:path";
import { shortHash } from "../../core/format.ts";
import { canonicalJson } from "../../storage/canonical-json.ts";
import { joinPath } from "../../storage/join-path.ts";
import { type Receipt, readReceipt } from "../../storage/receipt.ts";
import type { Manifest, ShardEntry } from "../format/manifest.ts";
import { type DatasetProblem, toProblem } from "./verify-shard.ts";

/** What to do about the receipt of another run, which `repair` refuses. */
export const foreignReceiptAdvice =
  "Put the receipt of this run back from a copy, or move it away and run `cifar5m repair`, which makes it again.";

/**
 * Checks the receipt of a shard against the manifest.
 * @param options.path - the receipt
 * @param options.directory - the dataset folder
 * @returns the problems; each names the receipt. A damaged receipt is a problem, not an exception
 */
export async function checkShardReceipt(options: {
  readonly path: string;
  readonly directory: string;
  readonly entry: ShardEntry;
  readonly manifest: Manifest;
}): Promise<DatasetProblem[]> {
  const { path, directory, entry, manifest } = options;
  const file = relative(directory, path).replaceAll("\\", "/");
  let receipt: Receipt;
  try {
    receipt = await readReceipt(path);
  } catch (thrown) {
    const problem = toProblem(thrown, file);
    if (problem.code !== "receipt/missing") return [problem];
    // The shard is published, so nothing is left to its stage.
    return [{ ...problem, message: `${path} does not exist. Run \`cifar5m repair\` to write it again.` }];
  }
  const keys = ["sha256", "rows", "bytes", "idStart", "idEnd"] as const;
  const differing: string[] = keys
    .filter((key) => receipt[key] !== entry[key])
    .map((key) => `${key} ${shown(receipt[key])}, the manifest ${shown(entry[key])}`);
  if (resolve(dirname(path), receipt.file) !== resolve(directory, entry.file)) {
    differing.push(`file ${receipt.file}, the manifest ${joinPath(directory, entry.file)}`);
  }
  const foreign: string[] = [];
  if (receipt.configHash !== manifest.configHash) {
    foreign.push(`configHash ${shortHash(receipt.configHash)}, the manifest ${shortHash(manifest.configHash)}`);
  }
  if (canonicalJson(receipt.models) !== canonicalJson(manifest.models)) foreign.push("other models than the manifest");
  const report = (what: string, advice: string) => ({
    file,
    code: "receipt/mismatch",
    message: `${path} says ${what}. ${advice}`,
  });
  return [
    ...differing.map((what) => report(what, "Run `cifar5m repair` to make it again.")),
    ...foreign.map((what) => report(what, foreignReceiptAdvice)),
  ];
}

/** A count or a hash, as messages show it. */
function shown(value: string | number): string {
  return typeof value === "number" ? String(value) : shortHash(value);
}
