import { expect, test } from "vitest";
import { chwToHwc, cifar10ClassNames, hwcToChw, mirrorHwc } from "../../core/image-layout.ts";

const planar = Uint8Array.from({ length: 2 * 3072 }, (_, index) => (index * 7 + (index >> 8)) % 256);

test("a pixel keeps its color when planar images become interleaved", () => {
  const interleaved = chwToHwc(planar);
  for (const [image, channel, y, x] of [
    [0, 0, 0, 0],
    [0, 2, 31, 31],
    [1, 1, 5, 17],
  ] as const) {
    expect(interleaved[image * 3072 + (y * 32 + x) * 3 + channel]).toBe(
      planar[image * 3072 + channel * 1024 + y * 32 + x],
    );
  }
});

test("converting to interleaved and back to planar changes nothing", () => {
  expect(Buffer.from(hwcToChw(chwToHwc(planar))).equals(planar)).toBe(true);
});

test("mirroring exchanges left and right, and twice changes nothing", () => {
  const mirrored = mirrorHwc(chwToHwc(planar));
  expect(hwcToChw(mirrored)[1024 + 5 * 32 + 3]).toBe(planar[1024 + 5 * 32 + 28]);
  expect(Buffer.from(mirrorHwc(mirrored)).equals(chwToHwc(planar))).toBe(true);
});

test("bytes that are not whole images are refused", () => {
  expect(() => chwToHwc(new Uint8Array(3071))).toThrow(/multiple of 3072 bytes.*got 3071/);
  expect(() => mirrorHwc(planar, new Uint8Array(3072))).toThrow(/got 6144, and out as long, got 3072/);
});

test("there are ten classes, in the order of the official data set", () => {
  expect(cifar10ClassNames).toHaveLength(10);
  expect(cifar10ClassNames[3]).toBe("cat");
});
