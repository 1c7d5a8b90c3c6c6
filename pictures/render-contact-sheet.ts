import { formatCount, formatPercent } from "../core/format.ts";
import { imageSide } from "../core/image-layout.ts";
import { encodePicture } from "./encode-picture.ts";
import { bar, blitScaled, faint, grounds, ink, line, odd, recolor, type Theme, text } from "./primitives.ts";

/** A class on the contact sheet. */
export interface ContactSheetRow {
  readonly className: string;
  /** Images of the class in the whole set. */
  readonly numImages: number;
  readonly cells: readonly {
    /** uint8, shape [32, 32, 3]. */
    readonly image: Uint8Array;
    readonly confidence: number;
    /** Whether the label is the class the generator was asked for. */
    readonly isRequestedClass: boolean;
  }[];
}

/** Pixels. */
const scale = 3;
const cell = imageSide * scale;
const gap = 6;
const captionHeight = 18;
const rowHeight = cell + captionHeight + 10;
const margin = 40;
const headerHeight = 130;
const footerHeight = 70;
const nameWidth = 132;
const histogramWidth = 300;

/**
 * Renders images by class, each with the labeler's confidence, and the number of images of each class.
 * @returns a PNG file
 */
export async function renderContactSheet(options: {
  readonly title: string;
  readonly subtitle: string;
  readonly rows: readonly ContactSheetRow[];
  /** Images that fit in a row. */
  readonly numColumns: number;
  /** `light` by default. */
  readonly theme?: Theme;
}): Promise<Uint8Array> {
  const { rows, numColumns, theme = "light" } = options;
  const { width, height } = contactSheetSize({ numRows: rows.length, numColumns });
  const left = (column: number) => margin + nameWidth + column * (cell + gap);
  const top = (row: number) => headerHeight + row * rowHeight;
  const canvas = Buffer.alloc(width * height * 3, Buffer.from(grounds[theme]));
  for (const [row, { cells }] of rows.entries()) {
    for (const [column, { image }] of cells.entries()) {
      blitScaled(image, canvas, { start: (top(row) * width + left(column)) * 3, stride: width * 3, scale });
    }
  }
  const parts = [
    text(margin, 58, options.title, { size: 30, weight: 700 }),
    text(margin, 90, options.subtitle, { size: 16, fill: faint }),
    ...rows.flatMap((row, index) => renderRowText(row, top(index), left)),
    ...renderHistogram(rows, left(numColumns) - gap + 48, top),
    ...renderLegend(height - footerHeight + 38, rows),
  ];
  const drawing = parts.map((part) => recolor(part, theme));
  return await encodePicture(canvas, { width, height }, drawing);
}

/** Width and height of a contact sheet in pixels. */
export function contactSheetSize({ numRows, numColumns }: { readonly numRows: number; readonly numColumns: number }) {
  const gridWidth = numColumns * (cell + gap) - gap;
  return {
    width: margin + nameWidth + gridWidth + 48 + histogramWidth + margin,
    height: headerHeight + numRows * rowHeight + footerHeight,
  };
}

function renderRowText(row: ContactSheetRow, y: number, left: (column: number) => number): string[] {
  const captions = row.cells.map(({ confidence, isRequestedClass }, column) =>
    text(left(column) + cell / 2, y + cell + 15, `${isRequestedClass ? "" : "● "}${percent(confidence)}`, {
      size: 12,
      fill: isRequestedClass ? faint : odd,
      anchor: "middle",
    }),
  );
  return [text(margin, y + cell / 2 + 6, row.className, { size: 18, weight: 600 }), ...captions];
}

function renderHistogram(rows: readonly ContactSheetRow[], x: number, top: (row: number) => number): string[] {
  const total = rows.reduce((sum, row) => sum + row.numImages, 0);
  const largest = Math.max(1, ...rows.map((row) => row.numImages));
  const maxBarLength = histogramWidth - 110;
  const lengthOf = (numImages: number) => (numImages / largest) * maxBarLength;
  const even = x + lengthOf(total / Math.max(1, rows.length));
  const bars = rows.flatMap((row, index) => {
    const y = top(index) + cell / 2 - 15;
    const length = row.numImages === 0 ? 0 : Math.max(1, lengthOf(row.numImages));
    const share = percent(row.numImages / Math.max(1, total));
    return [
      `<rect x='${x}' y='${y}' width='${length}' height='30' rx='2' fill='${bar}'/>`,
      text(x + maxBarLength + 12, y + 14, formatCount(row.numImages), { size: 15, weight: 600 }),
      text(x + maxBarLength + 12, y + 30, share, { size: 12, fill: faint }),
    ];
  });
  const bottom = top(rows.length - 1) + cell;
  return [
    text(x, headerHeight - 16, "images by label, train and test", { size: 13, fill: faint }),
    `<line x1='${x}' y1='${headerHeight}' x2='${x}' y2='${bottom}' stroke='${line}'/>`,
    ...bars,
    `<line x1='${even}' y1='${headerHeight}' x2='${even}' y2='${bottom}' stroke='${ink}' stroke-dasharray='3 4' opacity='0.5'/>`,
    text(even, bottom + 17, "equal share", { size: 12, fill: faint, anchor: "middle" }),
  ];
}

function renderLegend(y: number, rows: readonly ContactSheetRow[]): string[] {
  const cells = rows.flatMap((row) => row.cells);
  const numOdd = cells.filter(({ isRequestedClass }) => !isRequestedClass).length;
  return [
    text(margin, y, "Row: the labeler’s class. Below each image: its confidence.", { size: 13, fill: faint }),
    text(margin + 400, y, `● the generator was asked for another class (${numOdd} of ${cells.length} shown)`, {
      size: 13,
      fill: odd,
    }),
  ];
}

function percent(fraction: number): string {
  return formatPercent(fraction, fraction >= 0.9995 ? 0 : 1);
}
