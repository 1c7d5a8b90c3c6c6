import { askedClass } from "../row-columns.ts";
import { make, setAttributes } from "./dom.ts";
import { drawImage, makeCanvas } from "./draw-image.ts";
import type { ShownImage } from "./image-dialog.ts";
import type { TileShape } from "./virtual-grid.ts";

/** Width of an image on the page, in pixels, by the name of a size. */
const tileSizes = { small: 40, medium: 72, large: 128 } as const;
export type TileSize = keyof typeof tileSizes;

/** Space around an image, and for its caption. */
const [gap, captionHeight] = [8, 34];

/** The shape of a tile with this many images beside each other. */
export function tileShape(size: TileSize, numImages: number): TileShape {
  const gaps = gap + (numImages - 1) * 2;
  return {
    leastWidth: numImages * tileSizes[size] + gaps,
    heightOf: (width) => Math.round((width - gaps) / numImages) + gap + (size === "small" ? 0 : captionHeight),
  };
}

/** The parts of a tile. */
export interface Tile {
  readonly element: HTMLElement;
  readonly canvases: readonly HTMLCanvasElement[];
  readonly name: HTMLElement;
  readonly figure: HTMLElement;
}

export function makeTile(numImages: number): Tile {
  const canvases = Array.from({ length: numImages }, () => makeCanvas());
  const [name, figure] = [make("span", { class: "name" }), make("span", { class: "figure" })];
  const element = make(
    "div",
    { class: "tile" },
    make("div", { class: "images" }, ...canvases),
    make("div", { class: "caption" }, name, figure),
  );
  return { element, canvases, name, figure };
}

/** Shows an image, or that of each set, in a tile. */
export function fillTile(tile: Tile, images: readonly ShownImage[]): void {
  const [first] = images;
  if (first === undefined) return;
  for (const [at, canvas] of tile.canvases.entries()) {
    const shown = images[at];
    drawImage(canvas, shown?.split.images.image(shown.row));
  }
  const labels = images.map(({ set, split, row }) => set.manifest.classNames[split.columns.labels[row]!] ?? "?");
  const confidences = images.map(({ split, row }) => split.columns.confidences[row]!.toFixed(2));
  const { columns, ids } = first.split;
  const asked = askedClass(columns, first.row);
  const isOther = asked !== undefined && asked !== columns.labels[first.row];
  const text = [...new Set(labels)].join(" | ");
  tile.name.textContent = text;
  tile.figure.textContent = confidences.join(" | ");
  tile.element.classList.toggle("other", isOther);
  const askedName = asked === undefined ? "" : (first.set.manifest.classNames[asked] ?? "");
  setAttributes(tile.element, {
    "aria-label": `image ${ids[first.row]}: ${text}, confidence ${confidences.join(" and ")}${isOther ? `, asked for ${askedName}` : ""}`,
  });
  tile.element.title = isOther ? `${text}; asked for ${askedName}` : text;
}
