import { Cifar5mError } from "../../core/errors.ts";
import { shortHash } from "../../core/format.ts";
import type { DatasetProblem } from "../../shards/index.ts";
import { readFileFactsIfAny } from "../../storage/file-facts.ts";
import { hashFile } from "../../storage/hash-file.ts";
import { type Receipt, readReceiptIfAny } from "../../storage/receipt.ts";

/**
 * Checks a receipt by additional rules, then the file that it describes.
 * @returns the problems; each names its file
 */
export async function checkAgainstReceipt(options: {
  readonly path: string;
  readonly receiptPath: string;
  /** Whether the file must exist. */
  readonly isNeeded: boolean;
  readonly isHashed: boolean;
  /** Whether the manifest lists what the file is of: then its receipt was lost. Else it may not be made yet. */
  readonly isListed: boolean;
  /** Problems of the receipt itself, each phrased to follow its path in a sentence. */
  readonly rulesOf?: (receipt: Receipt) => readonly string[];
}): Promise<DatasetProblem[]> {
  const { path, receiptPath, isListed, rulesOf } = options;
  let subject = receiptPath;
  try {
    const receipt = await readReceiptIfAny(receiptPath);
    if (receipt === undefined) return [missing(receiptPath, isListed)];
    const problems = (rulesOf?.(receipt) ?? []).map((what) => ({
      file: receiptPath,
      code: "receipt/mismatch",
      message: `${receiptPath} ${what}`,
    }));
    subject = path;
    return [...problems, ...(await checkFile({ ...options, receipt }))];
  } catch (thrown) {
    if (!(thrown instanceof Cifar5mError)) throw thrown;
    return [{ file: subject, code: thrown.code, message: thrown.message }];
  }
}

async function checkFile(
  options: Omit<Parameters<typeof checkAgainstReceipt>[0], "rulesOf"> & { readonly receipt: Receipt },
): Promise<DatasetProblem[]> {
  const { path, receiptPath, receipt, isListed } = options;
  const advice = isListed
    ? "Run `cifar5m repair` to rebuild it."
    : `Delete ${receiptPath}, and the file if it is there, and run \`cifar5m build\` again.`;
  const report = (code: string, seen: string, said: string): DatasetProblem[] => [
    {
      file: path,
      code,
      message: `${path} is ${seen}, its receipt says ${said}. ${advice}`,
    },
  ];
  const facts = await readFileFactsIfAny(path);
  if (facts === undefined) return options.isNeeded ? report("unit/missing", "missing", `${receipt.bytes} bytes`) : [];
  const { bytes } = facts;
  if (bytes !== receipt.bytes) return report("unit/size-mismatch", `${bytes} bytes`, `${receipt.bytes}`);
  if (!options.isHashed) return [];
  const { sha256 } = await hashFile(path);
  if (sha256 === receipt.sha256) return [];
  return report("unit/hash-mismatch", `sha256 ${shortHash(sha256)}`, shortHash(receipt.sha256));
}

function missing(path: string, isListed: boolean): DatasetProblem {
  const what = isListed
    ? "although the manifest lists its unit or model. Run `cifar5m repair` to write it again."
    : "so its unit is not done. Run `cifar5m build` again to go on.";
  return { file: path, code: "receipt/missing", message: `${path} does not exist, ${what}` };
}
