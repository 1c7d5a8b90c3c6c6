import { expect, test } from "vitest";
import { readSafetensors, writeSafetensors } from "../../../engine/parameters/safetensors.ts";

const tensors = new Map([
  ["z.weight", { shape: [2, 3], data: Float32Array.of(1, -2, 0.5, 1 / 3, 1e-7, 65504) }],
  ["a.bias", { shape: [2], data: Float32Array.of(-0, 3.25) }],
  ["scalar", { shape: [], data: Float32Array.of(7) }],
]);
const metadata = { model: "generator", network: '{"channels":8}' };

test("tensors and metadata are read as they were written, in F32 without rounding", () => {
  const read = readSafetensors(writeSafetensors({ tensors, metadata }, "F32"), "file");
  expect(read.metadata).toEqual(metadata);
  for (const [name, { shape, data }] of tensors) {
    expect(read.tensors.get(name)!.shape).toEqual(shape);
    expect(read.tensors.get(name)!.data).toEqual(data);
  }
});

test("F16 rounds to 11 significant bits", () => {
  const read = readSafetensors(writeSafetensors({ tensors, metadata }, "F16"), "file").tensors;
  for (const [name, { data }] of tensors) {
    data.forEach((value, index) => {
      expect(Math.abs(read.get(name)!.data[index]! - value)).toBeLessThanOrEqual(Math.abs(value) * 2 ** -11 + 2 ** -25);
    });
  }
});

test("the bytes follow the specification of the format", () => {
  const file = writeSafetensors({ tensors, metadata }, "F32");
  const view = new DataView(file.buffer);
  const headerBytes = Number(view.getBigUint64(0, true));
  expect((8 + headerBytes) % 8).toBe(0);
  const header = JSON.parse(Buffer.from(file.subarray(8, 8 + headerBytes)).toString());
  expect(header).toEqual({
    __metadata__: metadata,
    "a.bias": { dtype: "F32", shape: [2], data_offsets: [0, 8] },
    scalar: { dtype: "F32", shape: [], data_offsets: [8, 12] },
    "z.weight": { dtype: "F32", shape: [2, 3], data_offsets: [12, 36] },
  });
  expect(file.length).toBe(8 + headerBytes + 36);
  expect(view.getFloat32(8 + headerBytes + 4, true)).toBe(3.25);
});

test("equal tensors give equal bytes, in any order of insertion", () => {
  const reversed = new Map([...tensors].reverse());
  const bytes = [tensors, reversed].map((map) => Buffer.from(writeSafetensors({ tensors: map, metadata }, "F16")));
  expect(bytes[0]!.equals(bytes[1]!)).toBe(true);
});

test("a truncated file is refused, whatever its length is", () => {
  const file = writeSafetensors({ tensors, metadata }, "F16");
  for (let length = 0; length < file.length; length++) {
    expect(() => readSafetensors(file.subarray(0, length), "cut"), `${length}`).toThrowError(
      expect.objectContaining({ code: "weights/corrupt" }),
    );
  }
});

/** A file with the given header, followed by zeros. */
function withHeader(header: string, dataBytes = 4): Uint8Array {
  const text = Buffer.from(header);
  const file = new Uint8Array(8 + text.length + dataBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
  file.set(text, 8);
  return file;
}

test.each([
  ["null", "null"],
  ["a list", "[1, 2]"],
  ["no JSON", "{oops"],
  ["lists 200,000 deep", `{"a":${"[".repeat(200_000)}${"]".repeat(200_000)}}`],
  ["a number for an entry", '{"a":3}'],
  ["an entry without offsets", '{"a":{"dtype":"F32","shape":[1]}}'],
  ["an entry without shape", '{"a":{"dtype":"F32","data_offsets":[0,4]}}'],
  ["a negative extent", '{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,-4]}}'],
  ["a fractional extent", '{"a":{"dtype":"F32","shape":[0.5],"data_offsets":[0,2]}}'],
  ["extents whose product is beyond all numbers", '{"a":{"dtype":"F32","shape":[9e15,9e15],"data_offsets":[0,4]}}'],
  ["an offset beyond the file", '{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}'],
  ["another type", '{"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}'],
  ["a type named like what every object has", '{"a":{"dtype":"toString","shape":[2],"data_offsets":[0,4]}}'],
  ["null for metadata", '{"__metadata__":null,"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'],
  ["nested metadata", '{"__metadata__":{"a":{}},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'],
  ["fewer tensors than bytes", "{}"],
  [
    "tensors on top of each other",
    '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
  ],
  [
    "a hole between tensors",
    '{"a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]},"b":{"dtype":"F16","shape":[],"data_offsets":[3,5]}}',
  ],
])("a header with %s is refused", (_, header) => {
  expect(() => readSafetensors(withHeader(header), "bad")).toThrowError(
    expect.objectContaining({ code: "weights/corrupt" }),
  );
});

test("a header length beyond the file is refused before memory is allocated", () => {
  for (const headerBytes of [200_000_000n, 2n ** 63n]) {
    const file = withHeader("{}");
    new DataView(file.buffer).setBigUint64(0, headerBytes, true);
    expect(() => readSafetensors(file, "bad")).toThrowError(expect.objectContaining({ code: "weights/corrupt" }));
  }
});

test.each([
  ["F32", 4, 0x7fc00000, "NaN"],
  ["F32", 4, 0xff800000, "-Infinity"],
  ["F16", 2, 0x7c00, "Infinity"],
  ["F16", 2, 0xfe01, "NaN"],
] as const)("%s is not read with %s", (dtype, width, bits, shown) => {
  const file = withHeader(`{"w":{"dtype":"${dtype}","shape":[3],"data_offsets":[0,${3 * width}]}}`, 3 * width);
  const view = new DataView(file.buffer);
  if (width === 4) view.setUint32(file.length - 4, bits, true);
  else view.setUint16(file.length - 2, bits, true);
  expect(() => readSafetensors(file, "bad.safetensors")).toThrowError(
    expect.objectContaining({
      code: "weights/not-finite",
      message: expect.stringMatching(`^bad.safetensors: "w" .* element 2 of 3 is ${shown}`),
    }),
  );
});

test.each([
  ["F32", Number.NaN],
  ["F32", Number.POSITIVE_INFINITY],
  ["F16", Number.NEGATIVE_INFINITY],
  ["F16", 65_520],
] as const)("%s is not written with %d", (dtype, value) => {
  const wrong = new Map([["bad", { shape: [2], data: Float32Array.of(1, value) }]]);
  expect(() => writeSafetensors({ tensors: wrong, metadata: {} }, dtype)).toThrowError(
    expect.objectContaining({ code: "weights/not-finite", message: expect.stringContaining('"bad"') }),
  );
});
