import { mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readSafetensors, writeSafetensors } from "../../engine/parameters/safetensors.ts";
import { readGenerator } from "../../generator/read-generator.ts";
import { readLabeler } from "../../labeler/read-labeler.ts";
import { shippedFile } from "../../pipeline/run/shipped-files.ts";
import { runCli } from "../support/run-cli.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cifar5m-weights-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A shipped model with its last number changed. */
async function poisoned(name: string, bits: number): Promise<string> {
  const bytes = await readFile(shippedFile(`${name}.safetensors`));
  bytes.writeUInt16LE(bits, bytes.length - 2);
  const path = join(folder, `${name}-${bits}.safetensors`);
  await writeFile(path, bytes);
  return path;
}

test.each([
  ["generator", 0x7e00],
  ["generator", 0xfc00],
  ["labeler", 0x7e00],
] as const)(
  "a %s with a number that is not finite (%i) builds nothing, pins nothing, and says why",
  async (name, bits) => {
    const root = join(folder, `run-${name}-${bits}`);
    const args = ["--count", "1", "--test-count", "1", "--unit-size", "1", "--quiet"];
    const built = await runCli(["build", "--run", root, `--${name}`, await poisoned(name, bits), ...args]);
    expect(built).toMatchObject({ exitCode: 1, stdout: "" });
    expect(built.stderr).toMatch(
      /^weights\/not-finite: the (generator|labeler)'s weights: "[^"]+" must hold finite .*\n$/,
    );
    await expect(readFile(join(root, "run.json"))).rejects.toMatchObject({ code: "ENOENT" });
  },
);

test.each(["generator", "labeler"])("a %s with a weight that the network does not ask for is refused", async (name) => {
  const { tensors, metadata } = readSafetensors(await readFile(shippedFile(`${name}.safetensors`)), name);
  const stranger = ["stranger", { shape: [1], data: Float32Array.of(1) }] as const;
  const file = writeSafetensors({ tensors: new Map([...tensors, stranger]), metadata }, "F16");
  expect(() => (name === "generator" ? readGenerator(file) : readLabeler(file))).toThrowError(
    expect.objectContaining({ code: "weights/wrong-architecture", message: expect.stringContaining('"stranger"') }),
  );
});

test.each([
  ["no JSON", "{oops"],
  ["lists 200,000 deep", "[".repeat(200_000)],
  ["a billion blocks", '{"blocks":1000000000}'],
  ["another type", '{"channels":"64"}'],
])("a generator whose network is %s is refused", (_, network) => {
  const file = writeSafetensors({ tensors: new Map(), metadata: { model: "generator", network } }, "F16");
  expect(() => readGenerator(file)).toThrowError(expect.objectContaining({ code: "weights/wrong-architecture" }));
});

test.each(["big.onnx", "big.safetensors"])("a file of more than 2 GiB (%s) is refused in one line", async (name) => {
  const path = join(folder, name);
  await writeFile(path, "");
  await truncate(path, 3 * 2 ** 30);
  const built = await runCli(["build", "--run", join(folder, "big"), "--generator", path, "--quiet"]);
  expect(built.stderr).toMatch(/^disk\/file-too-large: cannot read .*big\.\w+: it has more than 2 GiB.*\n$/);
  expect(built.exitCode).toBe(1);
});
