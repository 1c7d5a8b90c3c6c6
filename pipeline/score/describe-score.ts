import { formatCount, formatPercent } from "../../core/format.ts";
import { plainText } from "../../core/plain-text.ts";
import { type TrainingKind, trainingKinds } from "./cross-errors.ts";
import type { Score, SetScores } from "./score.ts";

/** A score as Markdown, for the card of a data set: every figure with its number of images and its reference. */
export function describeScore(score: Score): string {
  return [
    `# Score of ${plainText(score.dataset.name, 200)}`,
    "",
    describeBasis(score),
    "",
    ...markdownTable(distanceRows(score)),
    "",
    ...scoreSentences(score).map((sentence) => `- ${sentence}`),
    ...(score.classification === undefined ? [] : ["", ...markdownTable(classificationRows(score.classification))]),
    "",
    "![Random images beside the train images nearest to them](score-neighbors.png)",
    "",
  ].join("\n");
}

/** What all figures are based on, in one sentence. */
export function describeBasis({ dataset, features, reference, seed }: Score): string {
  return (
    `Set ${dataset.sha256.slice(0, 12)}, ${formatCount(dataset.trainImages)} train images; features: ${features.network} ` +
    `(sha256 ${features.sha256.slice(0, 12)}), ${features.width} numbers an image; reference: ${reference.name}, ` +
    `${formatCount(reference.count)} images; images chosen by seed ${seed}.`
  );
}

/** Title row and rows: the set, and CIFAR-10 test for comparison. */
export function distanceRows({ dataset, features, synthetic, cifar10Test }: Score): string[][] {
  const row = (name: string, { count, frechetDistance, compared, manifold }: SetScores) => [
    `${name}, N = ${formatCount(count)}`,
    frechetDistance.toPrecision(4),
    ...[manifold.precision, manifold.recall, manifold.density, manifold.coverage].map((value) => value.toFixed(3)),
    `${formatCount(compared.count)} : ${formatCount(compared.reference)}`,
  ];
  const distance = `Fréchet distance (${features.network} features)`;
  return [
    ["", distance, "precision", "recall", "density", "coverage", "compared"],
    row(plainText(dataset.name, 200), synthetic),
    row("CIFAR-10 test", cifar10Test),
  ];
}

/** All other figures, one sentence each. */
export function scoreSentences({ labels, neighbors, generator }: Score): string[] {
  const shares = Object.entries(labels.classShares).sort(([, a], [, b]) => a - b);
  const [smallest, largest] = [shares[0]!, shares.at(-1)!].map(
    ([name, share]) => `${plainText(name, 100)} ${formatPercent(share)}`,
  );
  const agreement =
    labels.agreement === undefined
      ? "no class was asked for"
      : `label is the class asked for: ${formatPercent(labels.agreement)}`;
  return [
    `Labels of ${formatCount(labels.count)} images: ${agreement}; mean confidence ${labels.meanConfidence.toFixed(3)}.`,
    `Classes of the whole set: smallest ${smallest}, largest ${largest}.`,
    `Memorized train images among ${formatCount(neighbors.count)}: ${neighbors.memorized} with d₁/d₂ < 1/3, ` +
      `${neighbors.memorizedAdaptive} by the adaptive test; median d₁/d₂ ${neighbors.medianRatio.toFixed(2)}.`,
    ...(generator === undefined
      ? []
      : [
          `Generator ${generator.sha256.slice(0, 12)}: NFE ${generator.nfe}, ${generator.imagesPerSecond.toPrecision(3)} ` +
            `images/s (${generator.engine}, ${generator.device}).`,
        ]),
  ];
}

/** Title row and rows: test errors by what classifiers were trained on. */
export function classificationRows({
  trainCount,
  testCount,
  steps,
  epochs,
  error,
}: NonNullable<Score["classification"]>): string[][] {
  const names = { cifar10: "CIFAR-10", synthetic: "synthetic" } as const;
  const during = (kind: TrainingKind) =>
    steps === undefined ? "" : `, ${(kind === "both" ? epochs / 2 : epochs).toFixed(1)} epochs`;
  return [
    [
      `test error, ResNet, ${steps === undefined ? `${epochs} epochs` : `${formatCount(steps)} steps`}`,
      `on ${names.cifar10} test, N = ${formatCount(testCount.cifar10)}`,
      `on ${names.synthetic} test, N = ${formatCount(testCount.synthetic)}`,
    ],
    ...trainingKinds.flatMap((kind) => {
      const found = error[kind];
      if (found === undefined) return [];
      const images = kind === "both" ? `${names.cifar10} and as many ${names.synthetic}` : names[kind];
      return [
        [
          `trained on ${formatCount(trainCount)} ${images}${during(kind)}`,
          found.cifar10.toFixed(3),
          found.synthetic.toFixed(3),
        ],
      ];
    }),
  ];
}

function markdownTable([title, ...rows]: readonly string[][]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(title!), line(title!.map(() => "---")), ...rows.map(line)];
}
