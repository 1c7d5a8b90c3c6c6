import { makeSvg } from "./dom.ts";
import type { CurvePoint, WorldName } from "./experiment-plan.ts";

/** Size of the drawing, and its margins: left, right, top, bottom. */
const [width, height] = [640, 340];
const margin = { left: 48, right: 12, top: 10, bottom: 40 };

/** A curve, drawn so that it is told apart without color: by dashes and by its markers. */
interface Series {
  readonly name: string;
  readonly className: string;
  readonly points: readonly (readonly [number, number])[];
  readonly marker: "circle" | "square" | "none";
}

/** Test soft error of both worlds over the number of batches, as it grows. */
export class CurveChart {
  readonly element = makeSvg("svg", { class: "curves", viewBox: `0 0 ${width} ${height}`, role: "img" });
  readonly #numBatches: number;

  constructor(numBatches: number) {
    this.#numBatches = numBatches;
    this.show([]);
  }

  show(points: readonly CurvePoint[]): void {
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
    this.element.replaceChildren(...axes(this.#numBatches), ...series.flatMap((one) => this.#draw(one)), ...legend());
    const last = (world: WorldName) => of(world).at(-1)?.softError.toFixed(3) ?? "not measured";
    this.element.setAttribute(
      "aria-label",
      `Test soft error: real world ${last("real")}, ideal world ${last("ideal")}`,
    );
  }

  #draw({ name, className, points, marker }: Series): Node[] {
    const at = points.map(([x, y]) => [toX(x / this.#numBatches), toY(y)] as const);
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

const toX = (share: number) => margin.left + share * (width - margin.left - margin.right);
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

function axes(numBatches: number): Node[] {
  const ticks = [0, 0.2, 0.4, 0.6, 0.8, 1];
  const rows = ticks.flatMap((tick) => [
    makeSvg("line", { class: "rule", x1: margin.left, x2: width - margin.right, y1: toY(tick), y2: toY(tick) }),
    makeSvg("text", { class: "tick end", x: margin.left - 8, y: toY(tick) + 4 }, tick.toFixed(1)),
  ]);
  const columns = [0, 0.25, 0.5, 0.75, 1].map((share) =>
    makeSvg(
      "text",
      { class: `tick ${share === 1 ? "end" : "middle"}`, x: toX(share), y: height - 20 },
      String(Math.round(share * numBatches)),
    ),
  );
  return [
    ...rows,
    ...columns,
    makeSvg("text", { class: "tick middle", x: toX(0.5), y: height - 4 }, "batches"),
    makeSvg(
      "text",
      { class: "tick middle", x: 0, y: 0, transform: `translate(12 ${toY(0.5)}) rotate(-90)` },
      "test soft error",
    ),
  ];
}

function legend(): Node[] {
  const [x, y] = [toX(0) + 14, toY(0) - 16];
  const entries = [
    ["real", "circle", "real world", 0],
    ["ideal", "square", "ideal world", 120],
    ["train", "none", "real world, on its own images", 245],
  ] as const;
  return entries.flatMap(([className, marker, text, offset]) => [
    makeSvg("line", { class: `line ${className}`, x1: x + offset, x2: x + offset + 26, y1: y, y2: y }),
    ...(marker === "none" ? [] : [makeMarker(marker, className, x + offset + 13, y)]),
    makeSvg("text", { class: "tick", x: x + offset + 32, y: y + 4 }, text),
  ]);
}
