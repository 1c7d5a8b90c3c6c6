import { readFile } from "node:fs/promises";
import fc from "fast-check";
import sharp from "sharp";
import { expect, test } from "vitest";
import { ImagePair } from "../../../../pipeline/audit/pixels/image-pair.ts";
import { compileKernel, kernels } from "../../../../scripts/maintain/compile-kernel.ts";
import { noiseBytes } from "../../../support/make-cifar-10.ts";
import { smoothImages } from "../../../support/smooth-images.ts";
import { mirrored } from "../../../support/stand-in-runtime.ts";

const images = smoothImages(40, "aligned");
const pair = new ImagePair();

function residualOf(image: Uint8Array, other: Uint8Array, isMirrored: boolean): number {
  pair.setImage(image, 0);
  pair.setReference(other, 0);
  return pair.alignedResidual(isMirrored);
}

/** Values of the middle of an image, or of the window at (top, left), around the mean of each color. */
function centered(image: Uint8Array, top: number, left: number): number[] {
  const values = Array.from({ length: 2700 }, (_, k) => {
    const [channel, x, y] = [k % 3, Math.floor(k / 3) % 30, Math.floor(k / 90)];
    return image[((top + y) * 32 + left + x) * 3 + channel]!;
  });
  const means = [0, 1, 2].map((channel) => {
    const ofColor = values.filter((_, k) => k % 3 === channel);
    return ofColor.reduce((sum, value) => sum + value, 0) / ofColor.length;
  });
  return values.map((value, k) => value - means[k % 3]!);
}

/** The residual as its definition says it. */
function definedResidual(image: Uint8Array, other: Uint8Array): number {
  const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, k) => sum + value * b[k]!, 0);
  const middle = centered(image, 1, 1);
  const rests = [0, 1, 2].flatMap((top) =>
    [0, 1, 2].map((left) => {
      const window = centered(other, top, left);
      const gain = Math.min(1.25, Math.max(0.8, dot(middle, window) / dot(window, window)));
      const rest = middle.map((value, k) => value - gain * window[k]!);
      return dot(rest, rest) / Math.sqrt(dot(middle, middle) * dot(window, window));
    }),
  );
  return Math.max(0, Math.min(1, ...rests));
}

test("distances and residuals are those of their definitions, plain and mirrored, of any pixels", () => {
  const pixels = fc.oneof(
    fc.nat(39).map((index) => images[index]!),
    fc.string().map((seed) => noiseBytes(seed, 3072)),
    fc
      .tuple(fc.nat(255), fc.nat(255))
      .map(([a, b]) => Uint8Array.from({ length: 3072 }, (_, k) => (k % 5 < 2 ? a : b))),
  );
  fc.assert(
    fc.property(pixels, pixels, fc.nat(2), (image, other, offset) => {
      const many = Buffer.concat([new Uint8Array(offset * 3072).fill(9), other]);
      pair.setImage(image, 0);
      pair.setReference(many, offset * 3072);
      for (const isMirrored of [false, true]) {
        const seen = isMirrored ? mirrored(other) : other;
        expect(pair.squaredDistance(isMirrored)).toBe(
          image.reduce((sum, value, k) => sum + (value - seen[k]!) ** 2, 0),
        );
        const defined = definedResidual(image, seen);
        if (!Number.isNaN(defined)) expect(pair.alignedResidual(isMirrored)).toBeCloseTo(defined, 9);
      }
    }),
  );
});

const compiled = await compileKernel(kernels.pixels);

test.skipIf(compiled === undefined)("the committed kernel is what AssemblyScript makes of its source", async () => {
  expect(await readFile(kernels.pixels.target, "utf8")).toBe(compiled);
});

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
      expect(residualOf(isMirrored ? mirrored(shifted) : shifted, original, isMirrored)).toBeLessThan(0.01);
    }),
  );
});

test("an image explains its JPEG of quality 90, and no other image", async () => {
  for (const [index, image] of images.slice(0, 10).entries()) {
    const raw = { width: 32, height: 32, channels: 3 } as const;
    const file = await sharp(image, { raw }).jpeg({ quality: 90 }).toBuffer();
    const jpeg = await sharp(file).raw().toBuffer();
    for (let other = 0; other < images.length; other++) {
      const residual = residualOf(jpeg, images[other]!, false);
      if (other === index) expect(residual).toBeLessThan(0.08);
      else expect(residual).toBeGreaterThan(0.3);
    }
  }
});

test("flat images explain each other only", () => {
  const [dark, light] = [new Uint8Array(3072).fill(20), new Uint8Array(3072).fill(200)];
  expect(residualOf(dark, light, true)).toBe(0);
  expect(residualOf(dark, images[0]!, false)).toBe(1);
});
