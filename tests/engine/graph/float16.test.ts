import { expect, test } from "vitest";
import { fromFloat16Bits, toFloat16Bits } from "../../../engine/graph/float16.ts";
import { tensorData } from "../../../engine/graph/tensor.ts";

test("every float16 number stays the same when it is converted to a float and back", () => {
  for (let bits = 0; bits < 65536; bits++) {
    const value = fromFloat16Bits(bits);
    if (Number.isNaN(value)) expect(toFloat16Bits(value) & 0x7fff).toBe(0x7e00);
    else expect(toFloat16Bits(value)).toBe(bits);
  }
});

test("numbers become float16 constants with their value, and bits stay bits", () => {
  expect([...tensorData("float16", [2], [0.5, -2]).data]).toEqual([0x3800, 0xc000]);
  expect([...tensorData("float16", [1], Uint16Array.of(0x3800)).data]).toEqual([0x3800]);
});

test("a value between two float16 numbers rounds to the nearer one, and a tie rounds to the even one", () => {
  for (let bits = 0; bits < 0x7bff; bits++) {
    const [low, high] = [fromFloat16Bits(bits), fromFloat16Bits(bits + 1)];
    const middle = (low + high) / 2;
    expect(toFloat16Bits(middle)).toBe(bits % 2 === 0 ? bits : bits + 1);
    expect(toFloat16Bits(low + (high - low) * 0.49)).toBe(bits);
    expect(toFloat16Bits(-(low + (high - low) * 0.51))).toBe((bits + 1) | 0x8000);
  }
});

test("known numbers have their known bits", () => {
  for (const [value, bits] of [
    [0, 0x0000],
    [-0, 0x8000],
    [1, 0x3c00],
    [-2, 0xc000],
    [65504, 0x7bff],
    [65519, 0x7bff],
    [65520, 0x7c00],
    [2 ** -24, 0x0001],
    [2 ** -25, 0x0000],
    [2 ** -25 * 1.01, 0x0001],
    [Number.NEGATIVE_INFINITY, 0xfc00],
  ] as const) {
    expect(toFloat16Bits(value)).toBe(bits);
  }
});
