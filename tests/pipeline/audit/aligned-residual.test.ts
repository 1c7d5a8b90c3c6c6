import fc from "fast-check";
import sharp from "sharp";
import { expect, test } from "vitest";
import { alignedResidual } from "../../../pipeline/audit/aligned-residual.ts";
import { smoothImages } from "../../support/smooth-images.ts";
import { mirrored } from "../../support/stand-in-runtime.ts";

const images = smoothImages(40, "aligned");

test("an image explains its copies, shifted by one pixel, mirrored, brighter, darker or of another contrast", () => {
  const copy = fc.record({
    index: fc.nat(39),
    dx: fc.integer({ min: -1, max: 1 }),
    dy: fc.integer({ min: -1, max: 1 }),
    gain: fc.double({ min: 0.9, max: 1, noNaN: true }),
    offset: fc.double({ min: 0, max: 1, noNaN: true }),
    isMirrored: fc.boolean(),
  });
  fc.assert(
    fc.property(copy, ({ index, dx, dy, gain, offset, isMirrored }) => {
      const original = images[index]!;
      const clamp = (position: number) => Math.min(31, Math.max(0, position));
      const shifted = Uint8Array.from({ length: 3072 }, (_, k) => {
        const [channel, x, y] = [k % 3, Math.floor(k / 3) % 32, Math.floor(k / 96)];
        return original[(clamp(y + dy) * 32 + clamp(x + dx)) * 3 + channel]! * gain + offset * (1 - gain) * 255;
      });
      expect(alignedResidual(isMirrored ? mirrored(shifted) : shifted, 0, original, 0, isMirrored)).toBeLessThan(0.01);
    }),
  );
});

test("an image explains its JPEG of quality 90, and no other image", async () => {
  const all = Buffer.concat(images);
  for (const [index, image] of images.slice(0, 10).entries()) {
    const raw = { width: 32, height: 32, channels: 3 } as const;
    const file = await sharp(image, { raw }).jpeg({ quality: 90 }).toBuffer();
    const jpeg = await sharp(file).raw().toBuffer();
    for (let other = 0; other < images.length; other++) {
      const residual = alignedResidual(jpeg, 0, all, other * 3072, false);
      if (other === index) expect(residual).toBeLessThan(0.08);
      else expect(residual).toBeGreaterThan(0.3);
    }
  }
});

test("flat images explain each other only", () => {
  const [dark, light] = [new Uint8Array(3072).fill(20), new Uint8Array(3072).fill(200)];
  expect(alignedResidual(dark, 0, light, 0, true)).toBe(0);
  expect(alignedResidual(dark, 0, images[0]!, 0, false)).toBe(1);
});
