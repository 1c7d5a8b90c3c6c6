import { messageOf } from "../../../core/errors.ts";
import { make } from "./dom.ts";
import { fetchImage } from "./fetch-json.ts";

const numPixels = 1024;
const pixels = new ImageData(32, 32);
pixels.data.fill(255);

/** A canvas of 32 × 32 pixels; the style enlarges it without smoothing. */
export function makeCanvas(label?: string): HTMLCanvasElement {
  return make("canvas", {
    width: 32,
    height: 32,
    ...(label === undefined ? { "aria-hidden": "true" } : { role: "img", "aria-label": label }),
  });
}

/** Draws an image, uint8, shape [32, 32, 3]; undefined clears the canvas. */
export function drawImage(canvas: HTMLCanvasElement, image: Uint8Array | undefined): void {
  const context = canvas.getContext("2d");
  if (context === null) return;
  canvas.classList.toggle("empty", image === undefined);
  if (image === undefined) {
    context.clearRect(0, 0, 32, 32);
    return;
  }
  const { data } = pixels;
  for (let pixel = 0, from = 0, to = 0; pixel < numPixels; pixel++, from += 3, to += 4) {
    data[to] = image[from]!;
    data[to + 1] = image[from + 1]!;
    data[to + 2] = image[from + 2]!;
  }
  context.putImageData(pixels, 0, 0);
}

/** Fetches an image and draws it. An image that does not come leaves the canvas empty, with the reason as its title. */
export async function drawFetched(canvas: HTMLCanvasElement, path: string): Promise<void> {
  canvas.classList.add("empty");
  const image = await fetchImage(path).catch(messageOf);
  if (image instanceof Uint8Array) drawImage(canvas, image);
  else canvas.title = image ?? "this run has not kept the image";
}
