import { numBins } from "../../../core/confidence-bins.ts";
import { barHeights } from "./bar-heights.ts";
import { makeSvg, setAttributes } from "./dom.ts";

/** Size of the drawing in its own units; it stretches to the available width. */
const [width, height] = [200, 44];

/** A histogram of the confidence; bars outside of the chosen range are faint. */
export class Histogram {
  readonly element: SVGSVGElement;
  readonly #bars: readonly (readonly SVGRectElement[])[];

  /** @param numSets - 2 to draw those of two sets over each other */
  constructor(numSets: number) {
    const step = width / numBins;
    this.#bars = Array.from({ length: numSets }, (_, set) =>
      Array.from({ length: numBins }, (__, bin) =>
        makeSvg("rect", {
          class: set === 0 ? "set-a" : "set-b",
          x: bin * step + (set === 0 ? 0.5 : step / 2),
          width: set === 0 && numSets === 1 ? step - 1 : step / 2 - 0.5,
        }),
      ),
    );
    this.element = makeSvg(
      "svg",
      { class: "histogram", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img" },
      ...this.#bars.flat(),
    );
  }

  /** @param sets - counts by bin. Bars are shares of the rows of their own set, all on one scale */
  show(sets: readonly ArrayLike<number>[], from: number, to: number): void {
    const heights = barHeights(sets, height);
    for (const [set, bars] of this.#bars.entries()) {
      for (const [bin, bar] of bars.entries()) {
        const high = heights[set]?.[bin] ?? 0;
        const isChosen = (bin + 1) / numBins > from && bin / numBins <= to;
        setAttributes(bar, { y: height - high, height: high, opacity: isChosen ? 1 : 0.3 });
      }
    }
    const texts = this.#bars.flatMap((_, set) => {
      const bins = sets[set];
      if (bins === undefined) return [];
      return [`${this.#bars.length > 1 ? `${"AB"[set]} ` : ""}highest from ${describeHighest(bins)}`];
    });
    setAttributes(this.element, { "aria-label": ["Histogram of the confidence", ...texts].join(", ") });
  }
}

/** The range of the bin that holds most. */
function describeHighest(bins: ArrayLike<number>): string {
  const most = Array.from(bins).reduce((best, count, bin, all) => (count > all[best]! ? bin : best), 0);
  return `${(most / numBins).toFixed(2)} to ${((most + 1) / numBins).toFixed(2)}`;
}
