import { formatCount, hashPrefix } from "../../core/format.ts";
import { plainText } from "../../core/plain-text.ts";
import type { ImportedRun } from "../../pipeline/import/imported-run.ts";
import type { RunState } from "../../pipeline/inspect/inspect.ts";
import type { Manifest } from "../../shards/index.ts";
import { formatBytes } from "./format.ts";

/** What a run holds, as lines of text. */
export function summarizeRun(state: RunState): string[] {
  const { stages, removals, manifest } = state;
  const lines = state.imported === undefined ? describeBuild(state) : [describeImport(state.imported)];
  for (const { name, numDone, numUnits, rows, bytes } of stages) {
    const noun = name === "dedup" ? "removals" : "rows";
    lines.push(field(name, `${numDone} of ${numUnits} units, ${formatCount(rows)} ${noun}, ${formatBytes(bytes)}`));
  }
  for (const [reason, count] of Object.entries(removals))
    lines.push(field("removed", `${formatCount(count)} ${reason}`));
  return [...lines, ...summarizeDataset(manifest)];
}

/** What a published data set holds, as lines of text. */
export function summarizeDataset(manifest: Manifest | undefined): string[] {
  if (manifest === undefined) return [field("dataset", "not published")];
  const { train, test } = manifest.splits;
  const lines = [
    field(
      "dataset",
      `${formatCount(train.rows)} train, ${formatCount(test.rows)} test, ${hashPrefix(manifest.sha256)}`,
    ),
  ];
  const counts = manifest.classNames.map((_, label) => train.classCounts[label]! + test.classCounts[label]!);
  const largest = Math.max(1, ...counts);
  for (const [label, name] of manifest.classNames.entries()) {
    const bar = "█".repeat(Math.round((counts[label]! / largest) * 30));
    lines.push(`  ${plainText(name, 100).padEnd(12)} ${formatCount(counts[label]!).padStart(9)} ${bar}`);
  }
  return lines;
}

function describeBuild({ run, models, hasCifar10 }: RunState): string[] {
  return [
    field("config", run === undefined ? "not pinned" : `${hashPrefix(run.hash)}, seed ${run.config.seed}`),
    field("CIFAR-10", hasCifar10 ? "fetched" : "not fetched"),
    ...(["generator", "labeler"] as const).map((name) => {
      const receipt = models[name];
      return field(
        name,
        receipt === undefined ? "none" : `${hashPrefix(receipt.sha256)}, ${formatBytes(receipt.bytes)}`,
      );
    }),
  ];
}

function describeImport({ identity, hash }: ImportedRun): string {
  const { format, sourceSha256 } = identity.import;
  return field("imported", `${format}, source ${hashPrefix(sourceSha256)}, config ${hashPrefix(hash)}`);
}

function field(name: string, value: string): string {
  return `${name.padEnd(12)} ${value}`;
}
