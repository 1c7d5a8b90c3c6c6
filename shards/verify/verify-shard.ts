import { argmax } from "../../core/argmax.ts";
import { Cifar5mError, messageOf } from "../../core/errors.ts";
import { shortHash } from "../../core/format.ts";
import { parseJson } from "../../core/parse-json.ts";
import { plainText } from "../../core/plain-text.ts";
import { sha256 } from "../../storage/sha256.ts";
import { toByteSource } from "../arrow/byte-source.ts";
import { readColumn } from "../arrow/read-table.ts";
import { readTableLayout } from "../arrow/table-layout.ts";
import type { ShardEntry } from "../format/manifest.ts";
import { shardColumnsOf } from "../format/shard-schema.ts";

/** A problem of a data set. */
export interface DatasetProblem {
  /** Relative to the dataset folder. */
  readonly file: string;
  /** A code like that of an error: `shard/hash-mismatch`. */
  readonly code: string;
  /** Names the file, the rule, the value seen, and what to do. */
  readonly message: string;
}

/** The ids and labels of a shard that could be read, and its problems. */
export interface CheckedShard {
  readonly problems: readonly DatasetProblem[];
  readonly ids: Float64Array;
  readonly labels: Float64Array;
}

/**
 * Checks the bytes of a shard against its entry in the manifest, and its rows against the rules of a shard.
 * @param path - named in messages
 * @throws Cifar5mError `table/…` if the bytes are not a shard although size and hash are as listed
 */
export function checkShard(
  data: Uint8Array,
  entry: ShardEntry,
  path: string,
  classNames: readonly string[],
): CheckedShard {
  const numClasses = classNames.length;
  const problems = checkShardSize(data.byteLength, entry, path);
  const report = (code: string, what: string) => problems.push(shardProblem(entry, code, `${path} ${what}`));
  if (problems.length === 0) {
    const hash = sha256(data);
    if (hash !== entry.sha256) {
      report("shard/hash-mismatch", `is sha256 ${shortHash(hash)}, the manifest says ${shortHash(entry.sha256)}`);
    }
  }
  // The bytes are known to be damaged, so problems of rows would add nothing.
  if (problems.length > 0) return { problems, ids: new Float64Array(0), labels: new Float64Array(0) };
  const [source, schema] = [toByteSource(data, path), shardColumnsOf(numClasses)];
  const layout = readTableLayout(source, schema);
  // The images are left where they are: nothing is to be checked in them, and they are nearly all of the shard.
  const read = <Name extends Exclude<keyof typeof schema, "image">>(name: Name) =>
    readColumn(source, schema, name, layout);
  const columns = { id: read("id"), label: read("label"), confidence: read("confidence") };
  const { rows, metadata } = layout;
  if (rows !== entry.rows) report("shard/rows-mismatch", `holds ${rows} rows, the manifest says ${entry.rows}`);
  const names = findOtherNames(metadata.get("huggingface"), classNames);
  if (names !== undefined) {
    const wanted = shorten(JSON.stringify(classNames));
    report(
      "shard/bad-class-names",
      `has ${names} in its metadata "huggingface", the manifest has the classes ${wanted}`,
    );
  }
  let previous = -1;
  for (const [row, id] of columns.id.entries()) {
    if (id < entry.idStart || id >= entry.idEnd || id <= previous) {
      const rule = `ids must rise within [${entry.idStart}, ${entry.idEnd})`;
      report("shard/bad-id", `breaks a rule at row ${row}: ${rule}, got ${id} after ${previous}`);
      break;
    }
    previous = id;
  }
  const bad = findBadLabel(columns.label, columns.confidence, read("probabilities"), numClasses);
  if (bad !== undefined) report("shard/bad-label", `breaks a rule at row ${bad.row}: ${bad.rule}`);
  for (const [row, value] of read("class").entries()) {
    if (value >= -1 && value < numClasses) continue;
    report("shard/bad-class", `breaks a rule at row ${row}: class must lie in [-1, ${numClasses}), got ${value}`);
    break;
  }
  return { problems, ids: columns.id, labels: columns.label };
}

/** The class names by which other programs show a shard, if they are not these; undefined for shards that tell none. */
function findOtherNames(info: string | undefined, classNames: readonly string[]): string | undefined {
  if (info === undefined) return undefined;
  try {
    const features = (parseJson(info) as HuggingFaceInfo).info?.features;
    const found = [features?.label?.names, features?.class?.names].find(
      (names) => names !== undefined && JSON.stringify(names) !== JSON.stringify(classNames),
    );
    return found === undefined ? undefined : `the classes ${shorten(JSON.stringify(found))}`;
  } catch {
    return "no JSON object";
  }
}

/** The part that is read of the metadata of `datasets`. */
interface HuggingFaceInfo {
  readonly info?: { readonly features?: Readonly<Record<"label" | "class", { readonly names?: unknown } | undefined>> };
}

function shorten(text: string): string {
  return plainText(text, 200);
}

/** Checks only the size of a shard. */
export function checkShardSize(bytes: number, entry: ShardEntry, path: string): DatasetProblem[] {
  if (bytes === entry.bytes) return [];
  return [shardProblem(entry, "shard/size-mismatch", `${path} is ${bytes} bytes, the manifest says ${entry.bytes}`)];
}

/** Turns a thrown error into a problem of a file. */
export function toProblem(thrown: unknown, file: string): DatasetProblem {
  const code = thrown instanceof Cifar5mError ? thrown.code : "dataset/unreadable";
  return { file, code, message: messageOf(thrown) };
}

function shardProblem(entry: ShardEntry, code: string, what: string): DatasetProblem {
  return { file: entry.file, code, message: `${what}. Rebuild it with \`cifar5m repair\`, or download it again.` };
}

/** The first row whose label is not the argmax of its probabilities, or whose confidence is not their maximum. */
function findBadLabel(
  labels: Float64Array,
  confidences: Float32Array,
  probabilities: Float32Array,
  numClasses: number,
): { readonly row: number; readonly rule: string } | undefined {
  const width = labels.length === 0 ? numClasses : probabilities.length / labels.length;
  for (let row = 0; row < labels.length; row++) {
    for (let index = 0; index < width; index++) {
      const probability = probabilities[row * width + index]!;
      if (!(probability >= 0 && probability <= 1)) {
        return { row, rule: `probabilities must lie in [0, 1], got ${probability}` };
      }
    }
    const best = argmax(probabilities.subarray(row * width, (row + 1) * width));
    if (labels[row] !== best)
      return { row, rule: `label must be the argmax of probabilities, ${best}, got ${labels[row]}` };
    const highest = probabilities[row * width + best]!;
    if (confidences[row] !== highest) {
      return { row, rule: `confidence must be the largest probability, ${highest}, got ${confidences[row]}` };
    }
  }
  return undefined;
}
