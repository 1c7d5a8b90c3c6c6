import { expect, test } from "vitest";
import { testReferences } from "../../../pipeline/audit/decide-flags.ts";
import { buildReferenceIndex } from "../../../pipeline/audit/reference-index.ts";
import { openReferenceSearch } from "../../../pipeline/audit/reference-search.ts";
import { countMemorized } from "../../../pipeline/score/memorization.ts";
import { noiseBytes } from "../../support/make-cifar-10.ts";
import { mirrored } from "../../support/stand-in-runtime.ts";

const random = Array.from({ length: 70 }, (_, index) => noiseBytes(`train ${index}`, 3072));
/** A copy, but for some bytes. */
const nearly = (image: Uint8Array, numBytes: number) =>
  image.map((value, index) => (index < numBytes ? 255 - value : value));

async function countIn(images: readonly Uint8Array[], train: readonly Uint8Array[]) {
  const search = openReferenceSearch(await buildReferenceIndex(Buffer.concat(train), new Uint8Array(0)), 1);
  try {
    const found = await search.search(Buffer.concat(images), { signal: new AbortController().signal });
    return countMemorized(testReferences(found.train));
  } finally {
    await search.close();
  }
}

test("copies, mirrored and nearly equal ones are memorized, fresh images are not", async () => {
  const images = [noiseBytes("fresh", 3072), random[11]!, mirrored(random[23]!), nearly(random[5]!, 90)];
  expect(await countIn(images, random)).toMatchObject({ count: 4, memorized: 3, memorizedAdaptive: 3 });
});

test("a train image with a twin deceives the ratio, not the adaptive test", async () => {
  const twin = nearly(random[5]!, 90);
  const between = nearly(random[5]!, 45);
  expect(await countIn([between], [...random, twin])).toMatchObject({ memorized: 0, memorizedAdaptive: 1 });
});

test("without images nothing is memorized", () => {
  const none = { ratios: new Float64Array(0), isBelowThird: new Uint8Array(0), isAdaptive: new Uint8Array(0) };
  expect(countMemorized({ ...none, isNearCopy: new Uint8Array(0) })).toMatchObject({ count: 0, medianRatio: 1 });
});
