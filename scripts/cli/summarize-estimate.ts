import { formatCount } from "../../core/format.ts";
import type { BuildEstimate } from "../../pipeline/build-estimate.ts";
import { formatBytes, formatDuration } from "./format.ts";

/** What a build will take, as lines of progress. */
export function summarizeEstimate(estimate: BuildEstimate): string[] {
  const { train, test, remaining, bytes, bytesLeft, isWritten, freeBytes, trains, suggestsTuned } = estimate;
  const done = train + test - remaining;
  const doneBefore = done === 0 ? "" : `, ${formatCount(done)} of them sampled before`;
  const free = freeBytes === undefined ? "" : ` (${formatBytes(freeBytes)} free)`;
  const toWrite = bytesLeft === bytes || isWritten ? "" : `, ${formatBytes(bytesLeft)} of it not written yet`;
  const lines = [
    line(`${formatCount(train + test)} images: ${formatCount(train)} train, ${formatCount(test)} test${doneBefore}`),
    line(
      `about ${formatBytes(bytes)} of disk${toWrite}${trains ? ", besides models and checkpoints of the training" : ""}${free}`,
    ),
  ];
  const time = describeTime(estimate);
  if (time !== undefined) lines.push(line(time));
  else if (trains) lines.push(line("how long it takes will show when the models are trained"));
  if (suggestsTuned) {
    lines.push(
      "hint: with the shipped weights, --recipe tuned is about eight times as fast as this recipe, at slightly lower " +
        "quality (Fréchet distance 12.0 instead of 9.6, docs/scores.md). A run keeps its recipe: to take it, stop this build and name another folder, as in `cifar5m build OTHER-FOLDER --recipe tuned`.",
    );
  }
  if (freeBytes !== undefined && freeBytes < bytesLeft && remaining > 0) {
    lines.push("warning: the disk may be too small. Free some space, or choose a smaller --count.");
  }
  return lines;
}

function describeTime({ remainingMs: { sample, label } }: BuildEstimate): string | undefined {
  const parts = [
    sample === undefined ? "" : `${formatDuration(sample)} to sample`,
    label === undefined ? "" : `${formatDuration(label)} to label`,
  ].filter((part) => part !== "");
  if (parts.length === 0) return undefined;
  return `about ${formatDuration((sample ?? 0) + (label ?? 0))} of time: ${parts.join(", ")}`;
}

function line(text: string): string {
  return `${"build".padEnd(16)} ${text}`;
}
