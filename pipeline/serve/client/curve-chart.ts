import { formatCount } from "../../../core/format.ts";
import type { SplitName } from "../../../shards/format/manifest.ts";
import { make, makeSvg, setAttributes } from "./dom.ts";
import type { CurvePoint, WorldName } from "./experiment-plan.ts";
import { roundTicks } from "./round-ticks.ts";

/** Height of the drawing and its margins, in pixels. Its width is that of the page. */
const height = 320;
const margin = { left: 48, right: 14, top: 12, bottom: 42 };

/** A curve, drawn so that it is told apart without color: by dashes and by its markers. */
interface Series {
  readonly name: string;
  readonly className: string;
  readonly points: readonly (readonly [number, number])[];
  readonly marker: "circle" | "square" | "none";
}

/** Soft error of both worlds over the number of batches, as it grows. */
export class CurveChart {
  readonly element: HTMLElement;
  readonly #drawing = makeSvg("svg", { class: "curves", role: "img" });
  readonly #numBatches: number;
  readonly #measuredOn: SplitName;
  #points: readonly CurvePoint[] = [];
  #width = 640;

  /** @param measuredOn - the split of the measured images */
  constructor(numBatches: number, measuredOn: SplitName) {
    this.#numBatches = numBatches;
    this.#measuredOn = measuredOn;
    this.element = make("div", { class: "chart" }, this.#drawing, make("ul", { class: "legend" }, ...legend()));
    new ResizeObserver(([entry]) => {
      this.#width = Math.max(240, Math.round(entry!.contentRect.width));
      this.show(this.#points);
    }).observe(this.element);
    this.show([]);
  }

  show(points: readonly CurvePoint[]): void {
    this.#points = points;
    setAttributes(this.#drawing, { viewBox: `0 0 ${this.#width} ${height}` });
    const of = (world: WorldName) => points.filter((point) => point.world === world);
    const series: readonly Series[] = [
      ...[
        {
          name: "real world, train",
          className: "train",
          marker: "none" as const,
          points: of("real").flatMap(({ numBatches, trainSoftError }) =>
            trainSoftError === undefined ? [] : [[numBatches, trainSoftError] as const],
          ),
        },
      ],
      { name: "ideal world", className: "ideal", marker: "square", points: of("ideal").map(toPair) },
      { name: "real world", className: "real", marker: "circle", points: of("real").map(toPair) },
    ];
    this.#drawing.replaceChildren(...this.#axes(), ...series.flatMap((one) => this.#draw(one)));
    const last = (world: WorldName) => of(world).at(-1)?.softError.toFixed(3) ?? "not measured";
    setAttributes(this.#drawing, {
      "aria-label": `Soft error on ${this.#measuredOn} images: real world ${last("real")}, ideal world ${last("ideal")}`,
    });
  }

  #toX(share: number): number {
    return margin.left + share * (this.#width - margin.left - margin.right);
  }

  #axes(): Node[] {
    const rows = [0, 0.2, 0.4, 0.6, 0.8, 1].flatMap((tick) => [
      makeSvg("line", { class: "rule", x1: margin.left, x2: this.#width - margin.right, y1: toY(tick), y2: toY(tick) }),
      makeSvg("text", { class: "tick end", x: margin.left - 8, y: toY(tick) + 4 }, tick.toFixed(1)),
    ]);
    const columns = roundTicks(this.#numBatches).map((tick) => {
      const attributes = { class: `tick ${tick === this.#numBatches ? "end" : "middle"}`, y: height - 24 };
      return makeSvg("text", { ...attributes, x: this.#toX(tick / this.#numBatches) }, formatCount(tick));
    });
    return [
      ...rows,
      ...columns,
      makeSvg("text", { class: "tick middle", x: this.#toX(0.5), y: height - 6 }, "batches"),
      makeSvg(
        "text",
        { class: "tick middle", transform: `translate(14 ${toY(0.5)}) rotate(-90)` },
        `soft error on ${this.#measuredOn} images`,
      ),
    ];
  }

  #draw({ name, className, points, marker }: Series): Node[] {
    const at = points.map(([x, y]) => [this.#toX(x / this.#numBatches), toY(y)] as const);
    const line = makeSvg("polyline", {
      class: `line ${className}`,
      points: at.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" "),
    });
    const every = Math.max(1, Math.ceil(at.length / 14));
    const marked = at.flatMap(([x, y], index) => {
      if (marker === "none" || (index % every !== 0 && index !== at.length - 1)) return [];
      const [numBatches, value] = points[index]!;
      const title = makeSvg("title", {}, `${name}, ${numBatches} batches: ${value.toFixed(3)}`);
      return [makeMarker(marker, className, x, y, title)];
    });
    return [line, ...marked];
  }
}

const toY = (error: number) => margin.top + (1 - error) * (height - margin.top - margin.bottom);
const toPair = ({ numBatches, softError }: CurvePoint) => [numBatches, softError] as const;

function makeMarker(
  kind: "circle" | "square",
  className: string,
  x: number,
  y: number,
  ...children: Node[]
): SVGElement {
  if (kind === "circle") return makeSvg("circle", { class: `mark ${className}`, cx: x, cy: y, r: 4 }, ...children);
  return makeSvg("rect", { class: `mark ${className}`, x: x - 3.5, y: y - 3.5, width: 7, height: 7 }, ...children);
}

/** What each line is. */
function legend(): Node[] {
  const entries = [
    ["real", "circle", "real world"],
    ["ideal", "square", "ideal world"],
    ["train", "none", "real world, on its own images"],
  ] as const;
  return entries.map(([className, marker, text]) =>
    make(
      "li",
      {},
      makeSvg(
        "svg",
        { class: "curves key", viewBox: "0 0 32 12", "aria-hidden": "true" },
        makeSvg("line", { class: `line ${className}`, x1: 1, x2: 31, y1: 6, y2: 6 }),
        ...(marker === "none" ? [] : [makeMarker(marker, className, 16, 6)]),
      ),
      text,
    ),
  );
}
