import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { createEngine } from "../../../engine/create-engine.ts";
import { Graph } from "../../../engine/graph/graph.ts";
import { tensorData } from "../../../engine/graph/tensor.ts";
import { namingMemoryErrors } from "../../../engine/memory-error.ts";
import { expand, sum } from "../../../engine/ops/broadcast.ts";
import { add } from "../../../engine/ops/elementwise.ts";
import { openAutoBatchedSampler } from "../../../pipeline/models/auto-batched-sampler.ts";
import { findBatchSize } from "../../../pipeline/models/find-batch-size.ts";
import { fixedBatchSize } from "../../../pipeline/models/fixed-batch-size.ts";
import type { ModelRuntime } from "../../../pipeline/models/model-runtime.ts";
import { writeModel } from "../../../pipeline/models/models.ts";
import { type PartialConfig, resolveConfig } from "../../../pipeline/run/config.ts";
import { datasetIdentity } from "../../../pipeline/run/dataset-identity.ts";
import { openRun } from "../../../pipeline/run/run.ts";
import { runFolderAt } from "../../../pipeline/run/run-folder.ts";
import { errorOf } from "../../support/expect-error.ts";
import { makeTestFolder } from "../../support/make-rows.ts";
import { standInRuntime } from "../../support/stand-in-runtime.ts";

/** Messages of onnxruntime, CUDA, WebGPU and TensorFlow when memory runs out. */
const messages = [
  "Non-zero status code returned while running Conv node. Name:'c' Status Message: /onnxruntime_src/onnxruntime/core/framework/bfc_arena.cc:376 void* onnxruntime::BFCArena::AllocateRawInternal(size_t, bool, onnxruntime::Stream*) Failed to allocate memory for requested buffer of size 939524096",
  "CUDA failure 2: out of memory ; GPU=0 ; hostname=h",
  "CUDNN failure 4: CUDNN_STATUS_ALLOC_FAILED",
  'WebGPU validation failed. [Invalid Buffer (unlabeled)] is invalid due to a previous error.\n - While calling [Device].CreateBindGroup([BindGroupDescriptor ""Expand""]).',
  "OOM when allocating tensor with shape[4096,512,32,32] and type float",
  "std::bad_alloc",
];

/** A device of a given memory whose speed rises with the batch until a given size. */
function fakeDevice({ fits, fastest }: { fits: number; fastest: number }, message = messages[0]!) {
  const opened: number[] = [];
  let now = 0;
  let numOpen = 0;
  const open = async (batchSize: number) => {
    opened.push(batchSize);
    numOpen++;
    const run = () =>
      namingMemoryErrors("cuda", async () => {
        if (batchSize > fits) throw new Error(message);
        now += 10 * Math.max(1, batchSize / fastest);
        return new Uint8Array(batchSize);
      });
    const close = async () => {
      numOpen--;
    };
    return { numImages: batchSize, batchSize, nfe: 1, numClasses: 10, run, sample: run, close };
  };
  return { open, opened, clock: () => now, numOpen: () => numOpen };
}

const search = { start: 32, most: 4096, milliseconds: 100 };

test.each([
  ["stops where doubling gains nothing", { fits: 4096, fastest: 256 }, 256],
  ["stops where memory ends", { fits: 200, fastest: 4096 }, 128],
  ["goes below a start that does not fit", { fits: 5, fastest: 4096 }, 4],
  ["goes no further than it may", { fits: 1e9, fastest: 1e9 }, 4096],
])("the search for a batch size %s, and leaves nothing open", async (_what, limits, expected) => {
  const device = fakeDevice(limits);
  const { batchSize, imagesPerSecond } = await findBatchSize({ ...search, open: device.open, clock: device.clock });
  expect(batchSize).toBe(expected);
  expect(imagesPerSecond).toBeGreaterThan(0);
  expect(device.numOpen()).toBe(0);
});

const ids = Float64Array.of(3, 5);
const request = { ids, classes: new Int8Array(ids.length) };

/** A run of a few images on a device whose memory may change. */
async function makeRun(config: PartialConfig) {
  const root = await makeTestFolder();
  const folder = runFolderAt(root);
  await writeModel({ folder, name: "generator", bytes: Uint8Array.of(1), identity: {} });
  const run = await openRun(folder, resolveConfig({ count: 40, device: "cuda", ...config }));
  const device = { fits: 20, opened: [] as number[], message: messages[0]! };
  const runtime: ModelRuntime = {
    ...standInRuntime(),
    openSampler: async ({ sampler: { batchSize } }) => {
      const opened = fakeDevice({ fits: device.fits, fastest: 4096 }, device.message);
      device.opened.push(Number(batchSize));
      return await opened.open(Number(batchSize));
    },
  };
  return { device, open: (search = true) => openAutoBatchedSampler(run, runtime, { search }), folder };
}

test.each(messages)("a run of few images takes a batch that fits, and keeps to it: %s", async (message) => {
  const { device, open, folder } = await makeRun({});
  device.message = message;
  const sampler = await open();
  expect(sampler.batchSize).toBe(16);
  expect(device.opened).toEqual([64, 32, 16, 16]);
  expect(JSON.parse(await readFile(folder.batchSize, "utf8"))).toMatchObject({ batchSize: 16 });
  device.fits = 4096;
  // Who makes images again does not search, and makes them as they were made.
  expect((await open(false)).batchSize).toBe(16);
  expect(device.opened.slice(4)).toEqual([16]);
});

test("where memory ends later, no image is made by another batch, and the line says what to do", async () => {
  const { device, open } = await makeRun({});
  await open();
  device.fits = 8;
  const { message } = await errorOf(async () => (await open()).sample(request), "engine/out-of-memory");
  expect(message).toMatch(
    /^a batch of 16 images, as in the rest of this run, must fit .*: the device "cuda" is out of memory: Failed to allocate .* begin a new run with another --sampler\.batch-size\.$/,
  );
  device.message = "no kernel image";
  await expect((await open()).sample(request)).rejects.toThrow(/^no kernel image$/);
});

test("a batch size that was asked for is never another", async () => {
  const { device, open } = await makeRun({ sampler: { batchSize: 64 } });
  const { message } = await errorOf(async () => (await open()).sample(request), "engine/out-of-memory");
  expect(message).toMatch(/^a batch of 64 images/);
  expect(device.opened).toEqual([64]);
});

test("if not even one image fits, the error says so in one line", async () => {
  const { device, open } = await makeRun({});
  device.fits = 0;
  const { message } = await errorOf(() => open(), "engine/out-of-memory");
  expect(message).toMatch(/^the device "cuda" is out of memory: Failed to allocate .*[^\n]$/);
});

test("an error of the real engine for lack of memory is recognized", async () => {
  const graph = new Graph();
  // 400 TB.
  graph.output("y", sum(add(expand(graph.input("x", "float32", [1, 1]), [1e7, 1e7]), 1)));
  const executable = await (await createEngine("onnxruntime", { device: "cpu" })).compile(graph);
  const run = executable.run({ x: tensorData("float32", [1, 1], [1]) });
  await expect(run).rejects.toMatchObject({ code: "engine/out-of-memory" });
  await executable.release();
});

test("auto is 16 on a CPU; which of several GPUs computes changes no identity", () => {
  const config = resolveConfig({});
  expect(config.sampler.batchSize).toBe("auto");
  expect(fixedBatchSize(config)).toBe(16);
  expect(fixedBatchSize({ ...config, device: "cuda:1" })).toBe(64);
  expect(fixedBatchSize(resolveConfig({ sampler: { batchSize: 7 }, device: "cuda" }))).toBe(7);
  expect(() => resolveConfig({ sampler: { batchSize: 0 } })).toThrow(
    /batchSize must be auto or an integer, at least 1/,
  );
  expect(datasetIdentity({ ...config, device: "cuda:1" })).toEqual(datasetIdentity({ ...config, device: "cuda" }));
  expect(datasetIdentity({ ...config, device: "cuda" })).not.toEqual(datasetIdentity(config));
});
