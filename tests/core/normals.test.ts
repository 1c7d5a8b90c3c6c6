import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import { fillFloat32Normals } from "../../core/normals/fill-float32-normals.ts";
import { fillNormals, type RandomSource, randomStreams } from "../../core/random.ts";
import { compileKernel, kernels } from "../../scripts/maintain/compile-kernel.ts";

/** The numbers as bytes, so that 0 and −0 differ. */
function bytesOf(numbers: Float32Array): Uint8Array {
  return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}

function expected(source: RandomSource, count: number, factor = 1): Uint8Array {
  const numbers = new Float32Array(count);
  fillNormals(source, numbers);
  return bytesOf(factor === 1 ? numbers : numbers.map((value) => value * factor));
}

function made(source: RandomSource, count: number, factor = 1): Uint8Array {
  const numbers = new Float32Array(count);
  fillFloat32Normals(source, numbers, factor);
  return bytesOf(numbers);
}

test("the kernel gives the bits of fillNormals for 12 million numbers of many seeds, streams and ids", () => {
  const streams = Object.values(randomStreams);
  for (let index = 0; index < 4000; index++) {
    const source = {
      seed: index % 3 === 0 ? index : index * 1_234_567_891_011,
      stream: streams[index % streams.length]!,
      id: index % 5 === 0 ? index * 2 ** 40 + 7 : index,
      skip: 4 * (index % 7) * 3072,
    };
    expect(Buffer.compare(made(source, 3072), expected(source, 3072))).toBe(0);
  }
});

test("the kernel gives the bits of fillNormals for any source, count, offset and factor", () => {
  const integers = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
  fc.assert(
    fc.property(
      fc.record({
        seed: integers,
        stream: fc.constantFrom(...Object.values(randomStreams)),
        id: integers,
        skip: fc.integer({ min: 0, max: 2 ** 33 }).map((block) => 4 * block),
      }),
      fc.integer({ min: 0, max: 9999 }),
      fc.constantFrom(1, 80, 157.40725, 1 / 3, 0, -2),
      (source, count, factor) => {
        expect(Buffer.compare(made(source, count, factor), expected(source, count, factor))).toBe(0);
      },
    ),
    { numRuns: 300 },
  );
});

test("the kernel writes into a part of an array and nothing beside it", () => {
  const array = new Float32Array(200).fill(5);
  fillFloat32Normals({ seed: 1, stream: randomStreams.stepNoise, id: 9 }, array.subarray(50, 117));
  expect([...array.subarray(0, 50), ...array.subarray(117)].every((value) => value === 5)).toBe(true);
  expect(Buffer.compare(bytesOf(array.slice(50, 117)), expected({ seed: 1, stream: 9, id: 9 }, 67))).toBe(0);
});

const compiled = await compileKernel(kernels.normals);

test.skipIf(compiled === undefined)("the committed kernel is what AssemblyScript makes of its source", async () => {
  expect(await readFile("core/normals/normals-kernel.ts", "utf8")).toBe(compiled);
});
