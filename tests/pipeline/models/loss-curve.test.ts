import sharp from "sharp";
import { expect, test } from "vitest";
import { renderLossCurve } from "../../../pictures/render-loss-curve.ts";

test("a loss curve leaves the picture above its highest mark, and is not drawn along its edge", async () => {
  // One of a hundred values lies far above the others: the 97th percentile is in the picture, this one is not.
  const lines = Array.from({ length: 100 }, (_, index) => ({
    step: index + 1,
    loss: index < 2 ? 1000 : 1 - index / 100,
    imagesPerSecond: 1,
  }));
  const { data, info } = await sharp(await renderLossCurve(lines, 1))
    .raw()
    .toBuffer({ resolveWithObject: true });
  const isBlue = (x: number, y: number) => {
    const [red, , blue] = data.subarray((y * info.width + x) * info.channels);
    return blue! - red! > 60;
  };
  const numBlue = (from: number, to: number) => {
    let count = 0;
    for (let y = from; y < to; y++) for (let x = 0; x < info.width; x++) if (isBlue(x, y)) count++;
    return count;
  };
  // A flat line at the top would be at least as wide as the first two points are apart, 7 pixels.
  expect(numBlue(0, Math.round(info.height * 0.09))).toBeLessThan(20);
  expect(numBlue(0, info.height)).toBeGreaterThan(600);
});
