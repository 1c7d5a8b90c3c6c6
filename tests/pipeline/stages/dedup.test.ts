import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import { fingerprintImages, unpackFingerprints } from "../../../core/image-fingerprint.ts";
import { parseShippedFingerprints } from "../../../pipeline/cifar-10/cifar-10-fingerprints.ts";
import { shippedFile } from "../../../pipeline/run/shipped-files.ts";
import { findDuplicates } from "../../../pipeline/stages/find-duplicates.ts";
import { errorOf } from "../../support/expect-error.ts";
import { noiseBytes } from "../../support/make-cifar-10.ts";
import { mirrored } from "../../support/stand-in-runtime.ts";

const image = (name: string) => noiseBytes(name, 3072);
const keysOf = (images: readonly Uint8Array[]) => unpackFingerprints(fingerprintImages(Buffer.concat(images)));

/** Samples with the ids 0, 1, 2, … */
const samplesOf = (images: readonly Uint8Array[]) => ({ ...keysOf(images), ids: [...images.keys()] });

/** An image that is its own mirror image. */
function symmetric(name: string): Uint8Array {
  const out = Uint8Array.from(image(name));
  const other = mirrored(out);
  for (let index = 0; index < out.length; index++) out[index] = (out[index]! + other[index]!) >> 1;
  return out;
}

test("an image and its mirror image have the same key and differ in the last bit", () => {
  const { high, low, mirrored: bits } = keysOf([image("a"), mirrored(image("a")), image("b")]);
  expect(high[0]).toBe(high[1]);
  expect(low[0]).toBe(low[1]);
  expect(bits[0]).not.toBe(bits[1]);
  expect(high[2]).not.toBe(high[0]);
});

test("of two copies the one with the larger id is removed, with reason and partner", () => {
  const train = [image("t0"), image("t1")];
  const held = [image("h0")];
  const samples = [
    image("s0"),
    image("s1"),
    image("s0"),
    mirrored(image("t1")),
    image("h0"),
    mirrored(image("s1")),
    symmetric("s6"),
    mirrored(symmetric("s6")),
    image("t1"),
  ];
  const removals = findDuplicates({
    references: [
      { reason: "duplicate-of-cifar10-train", keys: keysOf(train) },
      { reason: "duplicate-of-cifar10-test", keys: keysOf(held) },
    ],
    samples: samplesOf(samples),
  });
  expect(removals.map(({ id, reason, mirrored: flipped, partner }) => [id, reason, flipped, partner])).toEqual([
    [2, "duplicate-within-set", false, 0],
    [3, "duplicate-of-cifar10-train", true, 1],
    [4, "duplicate-of-cifar10-test", false, 0],
    [5, "duplicate-within-set", true, 1],
    [7, "duplicate-within-set", false, 6],
    [8, "duplicate-of-cifar10-train", false, 1],
  ]);
  const [first, second] = [removals[1], removals[5]];
  expect(first!.fingerprint).toBe(second!.fingerprint);
});

test("the removals equal those of comparing all pairs of pixels", () => {
  const pool = Array.from({ length: 6 }, (_, index) => image(`pool ${index}`));
  const pick = fc.record({ index: fc.integer({ min: 0, max: 5 }), flip: fc.boolean() });
  const imageOf = ({ index, flip }: { index: number; flip: boolean }) => (flip ? mirrored(pool[index]!) : pool[index]!);
  fc.assert(
    fc.property(fc.array(pick, { maxLength: 3 }), fc.array(pick, { minLength: 1, maxLength: 12 }), (known, picked) => {
      const references = known.map(imageOf);
      const samples = picked.map(imageOf);
      const isCopy = (a: Uint8Array, b: Uint8Array) =>
        Buffer.compare(a, b) === 0 || Buffer.compare(mirrored(a), b) === 0;
      const expected = samples.flatMap((sample, id) =>
        [...references, ...samples.slice(0, id)].some((other) => isCopy(sample, other)) ? [id] : [],
      );
      const removals = findDuplicates({
        references: [{ reason: "duplicate-of-cifar10-train", keys: keysOf(references) }],
        samples: samplesOf(samples),
      });
      expect(removals.map(({ id }) => id)).toEqual(expected);
      for (const { id, partner, reason, mirrored: flipped } of removals) {
        const other = reason === "duplicate-within-set" ? samples[partner]! : references[partner]!;
        expect(Buffer.compare(flipped ? mirrored(samples[id]!) : samples[id]!, other)).toBe(0);
      }
    }),
    { numRuns: 60 },
  );
});

test("shipped fingerprints that were cut are refused by their size", async () => {
  const { message } = await errorOf(
    () => parseShippedFingerprints(new Uint8Array(959_984), "a.bin"),
    "fingerprints/wrong-size",
  );
  expect(message).toBe("a.bin must be 960000 bytes, got 959984. Install cifar5m again.");
});

test("the shipped fingerprints are those of 50,000 train and 10,000 test images", async () => {
  const path = shippedFile("cifar-10-fingerprints.bin");
  const { train, test: held } = parseShippedFingerprints(await readFile(path), path);
  expect([train.high.length, held.high.length]).toEqual([50_000, 10_000]);
  const keys = new Set(train.high);
  // ciFAIR: no test image of CIFAR-10 is an exact copy of a train image.
  expect(held.high.filter((key) => keys.has(key)).length).toBe(0);
});
