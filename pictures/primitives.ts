/** Building blocks of pictures: enlarged pixels on a canvas, and text as SVG. */

import { imageSide } from "../core/image-layout.ts";
import { plainText } from "../core/plain-text.ts";

export const ink = "#1b1f24";
export const faint = "#6b7280";
export const line = "#d9dde3";
export const bar = "#3b6ea8";
export const odd = "#d9822b";

/** The color of the ground, and what each color of a drawing becomes on a dark one. */
export const grounds = { light: [0xff, 0xff, 0xff], dark: [0x1c, 0x20, 0x24] } as const;
export type Theme = keyof typeof grounds;
const darkColors: Readonly<Record<string, string>> = {
  [ink]: "#e5e8eb",
  [faint]: "#a2abb4",
  [line]: "#353b42",
  [bar]: "#5b9bdc",
  [odd]: "#e0924a",
};

/** A drawing in the colors of a theme. */
export function recolor(svg: string, theme: Theme): string {
  return theme === "light" ? svg : svg.replace(/#[0-9a-f]{6}/g, (color) => darkColors[color] ?? color);
}

const font = "font-family='Inter, Helvetica Neue, Helvetica, DejaVu Sans, Arial, sans-serif'";

/**
 * Copies an image to a canvas of three channels; every pixel becomes a square.
 * @param image - uint8, shape [32, 32, 3]
 * @param target.start - index of the canvas byte where the first pixel goes
 * @param target.stride - bytes of a row of the canvas
 * @param target.scale - side of the squares, pixels
 */
export function blitScaled(
  image: Uint8Array,
  canvas: Uint8Array,
  { start, stride, scale }: Readonly<Record<"start" | "stride" | "scale", number>>,
): void {
  for (let y = 0; y < imageSide * scale; y++) {
    for (let x = 0; x < imageSide * scale; x++) {
      const source = (Math.floor(y / scale) * imageSide + Math.floor(x / scale)) * 3;
      canvas.set(image.subarray(source, source + 3), start + y * stride + x * 3);
    }
  }
}

/** A line of text with its baseline at `y`. Text from outside is escaped, and what XML cannot hold is replaced. */
export function text(
  x: number,
  y: number,
  content: string,
  style: { readonly size: number; readonly weight?: number; readonly fill?: string; readonly anchor?: "middle" },
): string {
  const { size, weight = 400, fill = ink, anchor = "start" } = style;
  const escaped = plainText(content, 200).replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<text x='${x}' y='${y}' ${font} font-size='${size}' font-weight='${weight}' fill='${fill}' text-anchor='${anchor}'>${escaped}</text>`;
}
