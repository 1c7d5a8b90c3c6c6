import { expect, test } from "vitest";
import {
  fillBits,
  fillIntegers,
  fillNormals,
  fillUniforms,
  philox4x32,
  type RandomSource,
  randomStreams,
} from "../../core/random.ts";

type Words4 = [number, number, number, number];

test.each<{ counter: Words4; key: [number, number]; expected: Words4 }>([
  { counter: [0, 0, 0, 0], key: [0, 0], expected: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8] },
  {
    counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    key: [0xffffffff, 0xffffffff],
    expected: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  },
  {
    counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    key: [0xa4093822, 0x299f31d0],
    expected: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  },
])("Philox4x32-10 gives the known answer of Random123 for counter $counter", ({ counter, key, expected }) => {
  const out = new Uint32Array(4);
  philox4x32(counter, key, out);
  expect([...out]).toEqual(expected);
});

const source: RandomSource = { seed: 7, stream: randomStreams.sampleNoise, id: 12_345_678_901 };

test("the first random bits do not depend on how many are generated", () => {
  const long = new Uint32Array(103);
  fillBits(source, long);
  for (const length of [1, 2, 3, 4, 5, 102]) {
    const short = new Uint32Array(length);
    fillBits(source, short);
    expect([...short]).toEqual([...long.subarray(0, length)]);
  }
});

test("random bits differ for another seed, stream or id, also if only its high word differs", () => {
  const generate = (changed: Partial<RandomSource>) => {
    const out = new Uint32Array(4);
    fillBits({ ...source, ...changed }, out);
    return out.join();
  };
  const others: Partial<RandomSource>[] = [
    {},
    { seed: 8 },
    { seed: 7 + 2 ** 32 },
    { stream: randomStreams.trainSigma },
    { id: 1 },
    { id: source.id + 2 ** 32 },
  ];
  expect(new Set(others.map(generate)).size).toBe(others.length);
});

test("normal numbers have mean 0, variance 1 and the tails of a normal distribution", () => {
  const normals = new Float64Array(200_000);
  fillNormals(source, normals);
  const mean = normals.reduce((sum, value) => sum + value, 0) / normals.length;
  const variance = normals.reduce((sum, value) => sum + (value - mean) ** 2, 0) / normals.length;
  const tail = normals.filter((value) => Math.abs(value) > 2).length / normals.length;
  expect(Math.abs(mean)).toBeLessThan(0.01);
  expect(Math.abs(variance - 1)).toBeLessThan(0.02);
  expect(Math.abs(tail - 0.0455)).toBeLessThan(0.003);
});

test("uniform numbers lie in [0, 1), integers lie below their bound, and both are spread evenly", () => {
  const uniforms = new Float32Array(100_000);
  fillUniforms(source, uniforms);
  expect(uniforms.every((value) => value >= 0 && value < 1)).toBe(true);
  const integers = new Uint32Array(100_000);
  fillIntegers(source, 10, integers);
  const counts = new Array<number>(10).fill(0);
  for (const value of integers) counts[value] = (counts[value] ?? 0) + 1;
  for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
});
