import type { ImageFacts, Neighbor } from "../image-facts.ts";
import { make, makeButton } from "./dom.ts";
import { drawFetched, makeCanvas } from "./draw-image.ts";

/** `ImageFacts` as JSON: what is undefined is missing. */
export type AuditedFacts = Partial<ImageFacts>;

/** Root of the mean squared difference of the 3,072 values. */
const perValue = (distance: number) => distance / Math.sqrt(3072);

/** What the audit found nearest, with pictures where the server has them. */
export function neighborFigures(facts: AuditedFacts, onId: (id: number) => void): Node[] {
  const { neighbors = [], duplicateOf } = facts;
  return [
    make("h3", {}, "Nearest in CIFAR-10"),
    make("div", { class: "figures" }, ...neighbors.map(neighborFigure)),
    ...(duplicateOf === undefined
      ? []
      : [
          make(
            "p",
            {},
            "Near-duplicate of ",
            makeButton(`image ${duplicateOf}`, { class: "link" }, () => onId(duplicateOf)),
          ),
        ]),
  ];
}

function neighborFigure({ split, index, isMirrored, distance, secondDistance, hasPicture }: Neighbor): Node {
  const canvas = makeCanvas(`CIFAR-10 ${split} image ${index}`);
  if (isMirrored) canvas.classList.add("mirrored");
  if (hasPicture) void drawFetched(canvas, `cifar-10/${split}/${index}`);
  const ratio = secondDistance > 0 ? `; ratio to second nearest ${(distance / secondDistance).toFixed(2)}` : "";
  return make(
    "figure",
    {},
    ...(hasPicture ? [canvas] : []),
    make(
      "figcaption",
      {},
      make("strong", {}, `${split} ${index}${isMirrored ? ", mirrored" : ""}`),
      make("span", {}, `RMS distance ${perValue(distance).toFixed(1)} (of 255)${ratio}`),
    ),
  );
}
