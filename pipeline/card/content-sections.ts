import { formatCount, formatPercent } from "../../core/format.ts";
import { hasCifar10Classes } from "../../core/image-layout.ts";
import { importedColumns } from "../import/imported-run.ts";
import { surplusReason } from "../stages/kept-rows.ts";
import type { CardFacts, SetOrigin } from "./card-facts.ts";
import type { CardLayout } from "./card-layout.ts";
import { bullets, code, type Markdown, md, table } from "./markdown.ts";

/** What the set is, in two sentences. */
export function introduction({ manifest, origin }: CardFacts): Markdown {
  const { train, test } = manifest.splits;
  const what = {
    generated: "images that a diffusion model has generated; a classifier has labeled them",
    imported: "labeled images that were made elsewhere and imported as they are",
    written: "labeled images that another program has written",
  }[origin.kind];
  return md`${formatCount(train.rows)} train and ${formatCount(test.rows)} test images of 32×32 pixels in ${manifest.classNames.length} classes: ${what}. The set is ${code(manifest.sha256)} (sha256 over the names and hashes of its shards).`;
}

/** What the columns hold, by the origin of the images. */
const meanings = {
  generated: {
    id: "number of the sample; with the seed it gives the noise",
    label: "most probable class, by the labeler",
    class: "class that the generator was asked for, or −1 for none",
    confidence: "the labeler’s probability of the label",
    probabilities: "the labeler’s probability of each class",
  },
  imported: { ...importedColumns, label: "class, as in the source" },
  written: {
    id: "number of the row, train before test",
    label: "most probable class",
    class: "class that was asked for, or −1 for none",
    confidence: "probability of the label",
    probabilities: "probability of each class",
  },
} as const satisfies Record<CardFacts["origin"]["kind"], object>;

/** Columns and classes. */
export function contentSection(facts: CardFacts, { format }: CardLayout): Markdown {
  const { manifest, origin } = facts;
  const { train, test } = manifest.splits;
  const meaning = meanings[origin.kind];
  const numClasses = manifest.classNames.length;
  const isArrow = format === "arrow";
  const columns = table(
    ["column", "type", "content"],
    [
      [code("id"), code("int64"), meaning.id],
      [
        code("image"),
        code(isArrow ? "uint8[3072]" : "PNG"),
        isArrow ? "pixels, shape [32, 32, 3]: height, width, red–green–blue" : "32×32 pixels, lossless",
      ],
      [code("label"), code("int64"), meaning.label],
      [code("class"), code("int64"), meaning.class],
      [code("confidence"), code("float32"), meaning.confidence],
      [code("probabilities"), code(isArrow ? `float32[${numClasses}]` : "float32 list"), meaning.probabilities],
    ],
  );
  const classes = table(
    ["label", "class", "train images", "test images"],
    manifest.classNames.map((name, label) => [
      label,
      name,
      formatCount(train.classCounts[label]!),
      formatCount(test.classCounts[label]!),
    ]),
  );
  return md`## What is in it\n\n${columns}\n\n${classes}`;
}

function dropsNearCopies(origin: SetOrigin): boolean {
  return origin.kind === "generated" && origin.config.dropNearCopies;
}

/** Which images were left out, and why. */
export function removalsSection({ manifest, origin }: CardFacts): Markdown {
  const surplus = manifest.removals[surplusReason];
  const entries = Object.entries(manifest.removals);
  const removed = entries.reduce((sum, [, count]) => sum + count, 0);
  const title = md`## What was removed`;
  if (origin.kind !== "generated" && removed === 0) return md`${title}\n\nNothing: the images are those of the source.`;
  const kept = manifest.splits.train.rows + manifest.splits.test.rows;
  const near = dropsNearCopies(origin)
    ? "; so is what the audit’s tests call a near-copy of CIFAR-10, memorized or leaked"
    : "";
  const balanced =
    surplus === undefined
      ? ""
      : ". Each label keeps as many images as the rarest one has, the first by id. What is left out";
  const sentence = md`Exact and mirrored copies of CIFAR-10’s train and test images, and copies within the set, are left out${near}${balanced}: ${formatCount(removed)} of ${formatCount(kept + removed)} images.`;
  if (entries.length === 0) return md`${title}\n\n${sentence}`;
  const rows = entries.map(([reason, count]) => [reason, formatCount(count)]);
  return md`${title}\n\n${sentence}\n\n${table(["reason", "images"], rows)}`;
}

/** What users should know before they rely on the set. */
export function limitsSection(facts: CardFacts, { format }: CardLayout): Markdown {
  const { manifest, origin, score, audit } = facts;
  const { train, test } = manifest.splits;
  const numRows = train.rows + test.rows;
  const shares = manifest.classNames.map((name, label) => ({
    name,
    share: (train.classCounts[label]! + test.classCounts[label]!) / Math.max(1, numRows),
  }));
  shares.sort((a, b) => a.share - b.share);
  const [smallest, largest] = [shares[0]!, shares.at(-1)!];
  const hasCifar10 = hasCifar10Classes(manifest);
  const isGenerated = origin.kind === "generated";
  const agreement = score.kind === "found" ? score.value.labels.agreement : undefined;
  const items = [
    smallest.share < largest.share
      ? md`The classes are not of equal size: ${smallest.name} has ${formatPercent(smallest.share)} of the images, ${largest.name} ${formatPercent(largest.share)}.`
      : isGenerated
        ? md`The labels are equally frequent. A labeler that errs more in some classes makes their true numbers differ.`
        : md`The classes are of equal size.`,
    ...(isGenerated
      ? [
          agreement === undefined
            ? md`Labels are a classifier’s guess, and some are wrong. ${code("confidence")} says how sure it was.`
            : md`Labels are a classifier’s guess, and some are wrong: ${formatPercent(agreement)} agree with the class that the generator was asked for. ${code("confidence")} says how sure the classifier was.`,
          md`The generator has learned from few images of 32×32 pixels and shows less variety than photographs. What holds on this set need not hold on photographs; test on real ones${hasCifar10 ? ", such as CIFAR-10’s test images" : ""}.`,
          audit.kind === "found"
            ? md`A generator can repeat its training images. The audit above says what was looked for.`
            : dropsNearCopies(origin)
              ? md`A generator can repeat its training images. Copies and near-copies are removed. Copies that are cropped, scaled, turned, or shifted by two pixels and more are not found.`
              : md`A generator can repeat its training images. Exact and mirrored copies are removed; nobody has looked for near-copies in all of this set.`,
          md`An image is determined by its id, the seed and the models. Another kind of device or another batch size of the sampler rounds differently and may change some bytes.`,
        ]
      : [
          ...(origin.kind === "imported"
            ? [
                md`The source has no probabilities: ${code("confidence")} is 1 and ${code("probabilities")} is 1 for the label.`,
              ]
            : []),
          md`Copies within the set, or of other sets, were not looked for.`,
        ]),
    ...(format === "arrow"
      ? [md`Viewers that expect encoded pictures show ${code("image")} as a list of numbers.`]
      : []),
  ];
  return md`## Known limits\n\n${bullets(items)}`;
}
