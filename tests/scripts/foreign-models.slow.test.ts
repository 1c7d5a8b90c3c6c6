import { copyFile, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openLiveSource } from "../../pipeline/models/live-source.ts";
import { readModelFile } from "../../pipeline/models/read-model-file.ts";
import { shippedRuntime } from "../../pipeline/models/shipped-runtime.ts";
import { resolveConfig } from "../../pipeline/run/config.ts";
import { readShard } from "../../shards/format/read-shard.ts";
import { classifier, classifierText, denoiser, denoiserText, images } from "../support/color-models.ts";
import { errorOf } from "../support/expect-error.ts";
import { type GraphParts, makeOnnx, node, port, types } from "../support/make-onnx.ts";
import { runCli } from "../support/run-cli.ts";

let folder: string;
let generator: string;
let labeler: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cifar5m-foreign-"));
  generator = await writeModel("generator", makeOnnx(denoiser), denoiserText);
  labeler = await writeModel("labeler", makeOnnx(classifier), classifierText);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function writeModel(name: string, file: Uint8Array, text?: object): Promise<string> {
  const path = join(folder, `${name}.onnx`);
  await writeFile(path, file);
  if (text !== undefined) await writeFile(`${path}.json`, JSON.stringify(text, null, 2));
  return path;
}

const size = ["--count", "40", "--test-count", "20", "--unit-size", "20", "--sampler.steps", "6"];

test("a data set is built with both models from elsewhere, found whole, made again, repaired and continued", async () => {
  const root = join(folder, "run");
  const build = ["build", "--run", root, "--generator", generator, "--labeler", labeler, ...size, "--quiet"];
  expect(await runCli(build)).toMatchObject({ exitCode: 0, stderr: "" });
  expect((await readdir(join(root, "models"))).filter((name) => !name.endsWith(".config.json"))).toEqual([
    "generator.onnx",
    "labeler.onnx",
  ]);
  const shard = join(root, "dataset", "train", "part-00001.arrow");
  const { columns } = await readShard(shard);
  expect([...columns.label]).toEqual([...columns.class]);
  const live = await openLiveSource(root);
  const made = await live.sample(columns.id);
  await live.close();
  expect(Buffer.from(made.images).equals(Buffer.from(columns.image))).toBe(true);
  expect(made.probabilities).toEqual(columns.probabilities);

  const before = await readFile(shard);
  await truncate(shard, 1000);
  await rm(join(root, "samples"), { recursive: true });
  await rm(join(root, "receipts", "train-generator"), { recursive: true });
  expect((await runCli(["verify", "--run", root, "--quiet"])).exitCode).toBe(1);
  expect(await runCli(["repair", "--run", root, "--quiet"])).toMatchObject({ exitCode: 0, stderr: "" });
  expect((await readFile(shard)).equals(before)).toBe(true);
  expect(await runCli(["regenerate", "--run", root, "--id", "33"])).toMatchObject({ exitCode: 0 });
  expect(await runCli(build)).toMatchObject({ exitCode: 0, stderr: "" });
});

test("the model of a run goes into another run as it is; how its description is set makes no other model", async () => {
  const kept = await readModelFile(generator);
  const again = join(folder, "again.onnx");
  await writeFile(again, kept);
  expect(Buffer.from(await readModelFile(again)).equals(Buffer.from(kept))).toBe(true);
  await copyFile(generator, join(folder, "compact.onnx"));
  await writeFile(join(folder, "compact.onnx.json"), JSON.stringify(denoiserText));
  expect(Buffer.from(await readModelFile(join(folder, "compact.onnx"))).equals(Buffer.from(kept))).toBe(true);
  await writeFile(`${again}.json`, JSON.stringify(denoiserText));
  await errorOf(() => readModelFile(again), "model/described-twice");
});

test("a model for a fixed number of images is given that many", async () => {
  const fixed = (parts: GraphParts) =>
    JSON.parse(JSON.stringify(parts).replaceAll('"dim_param":"batch"', '"dim_value":3'));
  const parts = { ...fixed({ ...denoiser, initializer: [] }), initializer: denoiser.initializer };
  const path = await writeModel("fixed", makeOnnx(parts), denoiserText);
  const config = resolveConfig({ sampler: { steps: 3, guidance: 1 } });
  const request = { ids: Float64Array.of(0, 1, 2, 3, 4), classes: Int8Array.of(0, 1, 2, 3, 4) };
  const [few, many] = await Promise.all(
    [path, generator].map(async (file) => {
      const sampler = await shippedRuntime.openSampler(config, await readModelFile(file));
      const made = await sampler.sample(request);
      await sampler.close();
      return Buffer.from(made);
    }),
  );
  expect(few!.equals(many!)).toBe(true);
});

const { images: imageText } = denoiserText;
test.each<[string, Partial<GraphParts> | Uint8Array, object | undefined, string, RegExp]>([
  ["no description", {}, undefined, "model/not-described", /\.onnx\.json, which does not exist/],
  ["a file that is none", Buffer.from("weights, perhaps"), denoiserText, "model/not-onnx", /is not an ONNX file/],
  ["an unknown key", {}, { ...denoiserText, scale: 2 }, "model/wrong-description", /unknown key scale\./],
  [
    "an unknown key within",
    {},
    { ...denoiserText, images: { ...imageText, mean: 0 } },
    "model/wrong-description",
    /unknown key images\.mean\./,
  ],
  [
    "an unknown prediction",
    {},
    { ...denoiserText, output: { name: "y", prediction: "score" } },
    "model/wrong-description",
    /wrong output\.prediction: .*"eps"\|"v"\|"x0"/,
  ],
  [
    "a schedule that rises",
    {},
    { ...denoiserText, noise: { input: "sigma", schedule: { kind: "explicit", alphasCumprod: [0.2, 0.9] } } },
    "model/wrong-description",
    /noise\.schedule: ᾱ must .* fall at each timestep, got 0\.9 at timestep 1/,
  ],
  ["the other model", {}, classifierText, "model/wrong-description", /wrong model: .*"generator"/],
  [
    "a missing input",
    {},
    { ...denoiserText, noise: { ...denoiserText.noise, input: "t" } },
    "model/mismatch",
    /no input "t" .* but: x, sigma, c/,
  ],
  ["an input nobody names", {}, { ...denoiserText, classes: null }, "model/mismatch", /needs the input "c"/],
  [
    "a wrong shape",
    { input: [port("x", types.float, ["b", 3, 64, 64]), ...denoiser.input.slice(1)] },
    denoiserText,
    "model/mismatch",
    /\[batch, 3, 32, 32\], got \[b, 3, 64, 64\]/,
  ],
  [
    "a wrong type",
    { input: [images, port("sigma", types.int64, ["b"]), port("c", types.int64, ["b"])] },
    denoiserText,
    "model/mismatch",
    /input "sigma" as float32, got int64/,
  ],
  ["an operator that there is none", { node: [node("y = Denoise(x)")] }, denoiserText, "model/cannot-run", /Denoise/],
  [
    "a result that is not finite",
    { node: [node("zero = Sub(x, x)"), node("y = Log(zero)")] },
    denoiserText,
    "model/wrong-result",
    /finite/,
  ],
])("%s is refused in one line when the model is opened", async (_, file, text, code, message) => {
  const path = join(await mkdtemp(join(folder, "bad-")), "model.onnx");
  await writeFile(path, file instanceof Uint8Array ? file : makeOnnx({ ...denoiser, ...file }));
  if (text !== undefined) await writeFile(`${path}.json`, JSON.stringify(text));
  const open = async () => shippedRuntime.openSampler(resolveConfig({}), await readModelFile(path));
  const error = await errorOf(open, code);
  expect(error.message).toMatch(message);
  expect(error.message).not.toContain("\n");
});

test("guidance without a class of none, and the tfjs engine, are refused", async () => {
  const weights = await readModelFile(generator);
  const guided = resolveConfig({ sampler: { guidance: 2 } });
  await errorOf(() => shippedRuntime.openSampler(guided, weights), "model/no-free-class");
  await errorOf(
    () => shippedRuntime.openSampler(resolveConfig({ engine: "tfjs" }), weights),
    "engine/onnxruntime-only",
  );
});

test("on the command line a bad model is one line, and the run takes nothing of it", async () => {
  const path = await writeModel("cut", makeOnnx(denoiser).subarray(0, 300), denoiserText);
  const root = join(folder, "none");
  const { exitCode, stderr } = await runCli(["build", "--run", root, "--generator", path, ...size, "--quiet"]);
  expect(stderr).toMatch(/^model\/not-onnx: .*cut\.onnx is not an ONNX file, or was cut off.*\n$/);
  expect(exitCode).toBe(1);
  await expect(readdir(root)).rejects.toMatchObject({ code: "ENOENT" });
});
