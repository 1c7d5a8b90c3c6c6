import { imageBytes, mirrorHwc } from "../../core/image-layout.ts";
import type { CifarImages } from "../cifar-10/read-cifar-10.ts";
import type { Audit } from "./audit-report.ts";
import { type PairGroup, renderPairs } from "./render-pairs.ts";

/** Near-duplicates of the set in the picture, at most. */
const numPairs = 16;

/**
 * The picture of the nearest pairs.
 * @param imageOf - the image of a sample id
 */
export async function renderAudit(
  audit: Audit,
  cifar10: Readonly<Record<"train" | "test", CifarImages>>,
  imageOf: (id: number) => Uint8Array,
): Promise<Uint8Array> {
  const turned = (image: Uint8Array, isMirrored: boolean) => (isMirrored ? mirrorHwc(image.slice()) : image);
  const ofSplit = (split: "train" | "test"): PairGroup => ({
    heading: `Left: the set. Right: CIFAR-10 ${split}, what explains it best. Flagged: ${audit[split].nearCopies.count}`,
    pairs: audit.nearest
      .filter(({ of }) => of === split)
      .map(({ id, index, isMirrored, residual, ratio }) => ({
        image: imageOf(id),
        other: turned(cifar10[split].images.slice(index * imageBytes, (index + 1) * imageBytes), isMirrored),
        names: [`id ${id}`, `${index}${isMirrored ? " mirrored" : ""}`],
        details: `rest ${residual.toFixed(3)} · d₁/d₂ ${ratio.toFixed(2)}`,
        isFlagged: residual <= audit.nearCopyResidual,
      })),
  });
  const within: PairGroup = {
    heading: `Near-duplicates within the set: ${audit.flags.nearDuplicate?.count ?? 0}`,
    pairs: audit.pairs.slice(0, numPairs).map(({ id, of, isMirrored, residual }) => ({
      image: imageOf(id),
      other: turned(imageOf(of), isMirrored),
      names: [`id ${id}`, `id ${of}${isMirrored ? " mirrored" : ""}`],
      details: `rest ${residual.toFixed(3)}`,
      isFlagged: true,
    })),
  };
  const subtitle =
    `${audit.audited.images.toLocaleString("en")} images${audit.audited.isSample ? ", a sample" : ""}. The rest is what ` +
    `shift, mirroring and brightness leave unexplained: at most ${audit.nearCopyResidual} of a copy.`;
  const groups = [ofSplit("train"), ofSplit("test"), ...(within.pairs.length === 0 ? [] : [within])];
  return await renderPairs("Nearest pairs", subtitle, groups);
}
