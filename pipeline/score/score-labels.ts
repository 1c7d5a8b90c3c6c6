import type { Manifest } from "../../shards/index.ts";
import type { ScoredImages } from "./pick-scored-images.ts";
import type { LabelScores } from "./score.ts";

/** How well the labels of some images match the requested classes, and how even the classes of the whole set are. */
export function scoreLabels({ labels, classes, confidences }: ScoredImages, manifest: Manifest): LabelScores {
  const count = labels.length;
  const asked = labels.filter((_, index) => classes[index]! >= 0).length;
  const agreeing = labels.filter((label, index) => classes[index] === label).length;
  const { train, test } = manifest.splits;
  const total = train.rows + test.rows;
  return {
    count,
    ...(asked === 0 ? {} : { agreement: agreeing / asked }),
    meanConfidence: confidences.reduce((sum, confidence) => sum + confidence, 0) / count,
    classShares: Object.fromEntries(
      manifest.classNames.map((name, label) => [name, (train.classCounts[label]! + test.classCounts[label]!) / total]),
    ),
  };
}
