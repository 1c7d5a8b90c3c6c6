import fc from "fast-check";
import { expect, test } from "vitest";
import { fillBits, randomStreams } from "../../../core/random.ts";
import { copiesBetween, countCopies, writeCopies } from "../../../pipeline/stages/copy-list.ts";
import { findDuplicates } from "../../../pipeline/stages/find-duplicates.ts";
import { BucketCollector, imagesPerBucket, planBuckets } from "../../../pipeline/stages/fingerprint-bucket.ts";
import { toByteSource } from "../../../shards/arrow/byte-source.ts";

/** Fingerprints of images of which those with equal numbers are copies. */
function fingerprintsOf(images: readonly number[]): Uint8Array {
  const words = new Uint32Array(4 * images.length);
  for (const [index, image] of images.entries()) {
    fillBits({ seed: 1, stream: randomStreams.heldOut, id: image }, words.subarray(4 * index, 4 * index + 4));
  }
  return new Uint8Array(words.buffer);
}

function searchAll(images: readonly number[], perBucket: number, firstId: number) {
  const bytes = fingerprintsOf(images);
  return planBuckets(images.length, perBucket)
    .flatMap((bucket) => {
      const collector = new BucketCollector(bucket, images.length);
      // Files of unlike length, in any order.
      const cut = 16 * Math.floor(images.length / 3);
      collector.add(bytes.subarray(cut), firstId + cut / 16);
      collector.add(bytes.subarray(0, cut), firstId);
      return findDuplicates({ references: [], samples: collector.finish() });
    })
    .sort((a, b) => a.id - b.id);
}

test("buckets of any size find what one search finds, in ids beyond 2³² too", () => {
  const some = fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 120 });
  fc.assert(
    fc.property(some, fc.integer({ min: 1, max: 50 }), fc.constantFrom(0, 6e9, 1e12), (images, perBucket, firstId) => {
      const found = searchAll(images, perBucket, firstId);
      expect(found).toEqual(searchAll(images, imagesPerBucket, firstId));
      const expected = images.flatMap((image, index) => (images.indexOf(image) < index ? [firstId + index] : []));
      expect(found.map(({ id }) => id)).toEqual(expected);
    }),
    { numRuns: 40 },
  );
});

test("a set of six billion images has buckets of bounded size, and one of six million a single one", () => {
  expect(planBuckets(6e6)).toEqual([{ index: 0, numBuckets: 1 }]);
  expect(planBuckets(imagesPerBucket)).toHaveLength(1);
  expect(planBuckets(imagesPerBucket + 1)).toHaveLength(2);
  const buckets = planBuckets(6e9);
  expect(6e9 / buckets.length).toBeLessThanOrEqual(imagesPerBucket);
  // 268,435,456 fingerprints were more than one array could hold.
  expect(planBuckets(268_435_457).length).toBe(17);
});

test("each fingerprint is in exactly one bucket, whatever their number", () => {
  const bytes = new Uint8Array(16 * 1024);
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < 1024; index++)
    view.setUint32(16 * index, index < 512 ? index * 8_388_617 : 2 ** 32 - 1 - index);
  for (const numBuckets of [2, 3, 7, 358]) {
    const sizes = Array.from({ length: numBuckets }, (_, index) => {
      const collector = new BucketCollector({ index, numBuckets }, 1024);
      collector.add(bytes, 0);
      return Array.from(collector.finish().ids);
    });
    expect(sizes.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: 1024 }, (_, id) => id));
  }
});

test("a bucket that copies overfill grows", () => {
  const collector = new BucketCollector({ index: 0, numBuckets: 400 }, 4000);
  const zeros = new Uint8Array(16 * 5000);
  collector.add(zeros, 0);
  const removals = findDuplicates({ references: [], samples: collector.finish() });
  expect(removals).toHaveLength(4999);
});

test("a list of copies gives those of any range of ids back", () => {
  const removals = findDuplicates({
    references: [],
    samples: { ...emptyKeys(), ids: [] },
  });
  expect(removals).toEqual([]);
  const found = searchAll([1, 2, 1, 3, 2, 1, 4, 4], 3, 1e12);
  const list = toByteSource(writeCopies(found), "copies");
  expect(countCopies(list)).toBe(4);
  for (let start = 0; start <= 8; start++) {
    for (let end = start; end <= 9; end++) {
      expect(copiesBetween(list, 1e12 + start, 1e12 + end)).toEqual(
        found.filter(({ id }) => id >= 1e12 + start && id < 1e12 + end),
      );
    }
  }
});

function emptyKeys() {
  return { high: new BigUint64Array(0), low: new BigUint64Array(0), mirrored: new Uint8Array(0) };
}
