import { formatCount } from "../../core/format.ts";
import type { Audit, Rate } from "./audit-report.ts";

/** What an audit found, as lines for people. */
export function describeAudit(audit: Audit): string[] {
  const { audited, train, test, flags, planted, labels } = audit;
  const of = audited.isSample
    ? `a sample of ${formatCount(audited.images)} images`
    : `${formatCount(audited.images)} images`;
  const recall = planted
    .map(({ kind, count, found }) => `${kind} ${formatCount(found)}/${formatCount(count)}`)
    .join(", ");
  const { labelerOnTest } = labels;
  return [
    `audited: ${of} against ${formatCount(audit.reference.train)} train and ${formatCount(audit.reference.test)} test images`,
    `near-copies of train images: ${rate(train.nearCopies, audited.isSample)}, of test images: ${rate(test.nearCopies, audited.isSample)}`,
    `memorized: ${rate(flags.memorized, audited.isSample)} (d₁/d₂ < 1/3: ${train.ratioBelowThird.count}, adaptive: ${train.adaptive.count})`,
    `leaks of test images: ${rate(flags.leak, audited.isSample)}`,
    ...(flags.nearDuplicate === undefined
      ? []
      : [`near-duplicates within the set: ${rate(flags.nearDuplicate, false)}`]),
    ...(recall === "" ? [] : [`planted copies found: ${recall}`]),
    `likely mislabeled: ${rate(flags.mislabeled, audited.isSample)}${labels.agreement === undefined ? "" : `; label equals class in ${percent(labels.agreement)}`}`,
    ...(labelerOnTest === undefined
      ? []
      : [
          `labeler on CIFAR-10 test: error ${percent(labelerOnTest.error)}, mean confidence ${percent(labelerOnTest.meanConfidence)}, calibration error ${percent(labelerOnTest.expectedCalibrationError)}`,
        ]),
  ];
}

function rate({ count, share, interval: [low, high] }: Rate, isSample: boolean): string {
  const range = isSample ? `, 95% interval ${percent(low)} to ${percent(high)}` : "";
  return `${formatCount(count)} (${percent(share)}${range})`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(share < 0.01 ? 3 : 1)}%`;
}
