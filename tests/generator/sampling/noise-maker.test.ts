import { afterAll, expect, test } from "vitest";
import { fillNormals, randomStreams } from "../../../core/random.ts";
import { BatchBufferPool } from "../../../generator/sampling/noise/batch-buffers.ts";
import { NoiseMaker } from "../../../generator/sampling/noise/noise-maker.ts";

const maker = new NoiseMaker(3);
afterAll(() => maker.close());

const shared = (numbers: number) => new Float32Array(new SharedArrayBuffer(4 * numbers));

/** Noise by the definition: numbers of each image, times the factor. */
function expectedNoise(ids: readonly number[], skips: readonly (number | undefined)[], factor: number): Float32Array {
  const parts = skips.flatMap((skip) =>
    ids.map((id) => {
      const part = new Float32Array(3072);
      if (skip !== undefined) fillNormals({ seed: 6, stream: randomStreams.stepNoise, id, skip }, part);
      return part.map((value) => value * factor);
    }),
  );
  return Float32Array.from(parts.flatMap((part) => [...part]));
}

test.each([
  ["one image", 1, [0]],
  ["more images than one task has", 150, [0]],
  ["many calls of few images, some without noise", 3, [0, undefined, 6144, 9216, undefined, ...Array(30).keys()]],
  ["calls of more images than one task has", 70, [3072, undefined]],
] as const)("threads make the noise of each image and call: %s", async (_what, numImages, calls) => {
  const ids = Array.from({ length: numImages }, (_, index) => 2 ** 33 + 5 * index);
  const skips = calls.map((skip) => (skip === undefined ? undefined : 4 * skip));
  const out = shared(skips.length * numImages * 3072).fill(9);
  await maker.fill({ seed: 6, stream: randomStreams.stepNoise, ids, skips, factor: 80, out });
  const expected = expectedNoise(ids, skips, 80);
  expect(Buffer.compare(Buffer.from(out.slice().buffer), Buffer.from(expected.buffer))).toBe(0);
});

test("a batch waits for buffers while all are taken, and gets those that are given back first", async () => {
  const pool = new BatchBufferPool(2, 1, 3);
  const [first, second] = [await pool.take(), await pool.take()];
  expect(first.start).not.toBe(second.start);
  expect([first.start.length, ...first.calls.map(({ length }) => length)]).toEqual([3072, 9216, 9216]);
  const order: string[] = [];
  const takeAs = async (name: string) => {
    const buffers = await pool.take();
    order.push(name);
    return buffers;
  };
  const [third, fourth] = [takeAs("third"), takeAs("fourth")];
  await new Promise(setImmediate);
  expect(order).toEqual([]);
  pool.give(second);
  expect(await third).toBe(second);
  pool.give(first);
  expect(await fourth).toBe(first);
  expect(order).toEqual(["third", "fourth"]);
});
