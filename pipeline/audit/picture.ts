import { formatCount, formatPercent } from "../../core/format.ts";
import { imageAt, type LabeledImages, mirrorHwc } from "../../core/image-layout.ts";
import type { Audit } from "./audit-report.ts";
import { renderTiles, type TileGroup } from "./render-tiles.ts";

/** Near-duplicates of the set in the picture, at most. */
const numPairs = 16;

/**
 * The picture of the nearest pairs.
 * @param imageOf - the image of a sample id
 */
export async function renderAudit(
  audit: Audit,
  cifar10: Readonly<Record<"train" | "test", LabeledImages>>,
  imageOf: (id: number) => Uint8Array,
): Promise<Uint8Array> {
  const turned = (image: Uint8Array, isMirrored: boolean) => (isMirrored ? mirrorHwc(image) : image);
  const ofSplit = (split: "train" | "test"): TileGroup => ({
    heading: `Left: the set. Right: CIFAR-10 ${split}, what explains it best. Flagged: ${audit[split].nearCopies.count}`,
    tiles: audit.nearest
      .filter(({ of }) => of === split)
      .map(({ id, index, isMirrored, residual, ratio }) => ({
        images: [imageOf(id), turned(imageAt(cifar10[split].images, index), isMirrored)],
        lines: [
          `id ${id}`,
          `${index}${isMirrored ? " mirrored" : ""}`,
          `residual ${residual.toFixed(3)} · d₁/d₂ ${ratio.toFixed(2)}`,
        ],
        ...(residual <= audit.nearCopyResidual ? { marked: 2 } : {}),
      })),
  });
  const within: TileGroup = {
    heading: `Near-duplicates within the set: ${audit.flags.nearDuplicate?.count ?? 0}`,
    tiles: audit.pairs.slice(0, numPairs).map(({ id, of, isMirrored, residual }) => ({
      images: [imageOf(id), turned(imageOf(of), isMirrored)],
      lines: [`id ${id}`, `id ${of}${isMirrored ? " mirrored" : ""}`, `residual ${residual.toFixed(3)}`],
      marked: 2,
    })),
  };
  const subtitle =
    `${formatCount(audit.audited.images)} images${audit.audited.isSample ? ", a sample" : ""}. The residual is what ` +
    `shift, mirroring and brightness leave unexplained: at most ${audit.nearCopyResidual} of a copy.`;
  const groups = [ofSplit("train"), ofSplit("test"), ...(within.tiles.length === 0 ? [] : [within])];
  return await renderTiles("Nearest pairs", subtitle, groups);
}

/**
 * The picture of the images that are most likely mislabeled; undefined if there are none.
 * @param imageOf - the image of a sample id
 */
export async function renderMislabeled(
  audit: Audit,
  imageOf: (id: number) => Uint8Array,
): Promise<Uint8Array | undefined> {
  const { mostLikelyMislabeled: listed } = audit.labels;
  if (listed.length === 0) return undefined;
  const { count, share } = audit.flags.mislabeled;
  const tiles = listed.map(({ id, class: asked, label, confidence, classProbability }) => ({
    images: [imageOf(id)],
    lines: [
      `id ${id}`,
      `asked: ${asked} ${formatPercent(classProbability)}`,
      `label: ${label} ${formatPercent(confidence)}`,
    ],
    marked: 2,
  }));
  const subtitle =
    `${formatCount(count)} of ${formatCount(audit.audited.images)} images (${formatPercent(share)}) have a ` +
    "label that confidently differs from the class that was asked for. Percentages are the labeler’s probabilities.";
  return await renderTiles("Most likely mislabeled", subtitle, [{ heading: `The first ${listed.length}`, tiles }]);
}
