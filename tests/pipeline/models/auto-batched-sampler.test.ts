import { expect, test } from "vitest";
import { createEngine } from "../../../engine/create-engine.ts";
import { Graph } from "../../../engine/graph/graph.ts";
import { tensorData } from "../../../engine/graph/tensor.ts";
import { namingMemoryErrors } from "../../../engine/memory-error.ts";
import { expand, sum } from "../../../engine/ops/broadcast.ts";
import { add } from "../../../engine/ops/elementwise.ts";
import { halveOnOutOfMemory } from "../../../pipeline/models/auto-batched-sampler.ts";
import { findBatchSize } from "../../../pipeline/models/find-batch-size.ts";
import { fixedBatchSize } from "../../../pipeline/models/fixed-batch-size.ts";
import { resolveConfig } from "../../../pipeline/run/config.ts";
import { datasetIdentity } from "../../../pipeline/run/dataset-identity.ts";

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

test.each(messages)("a sampler that has no memory is opened with half the batch: %s", async (message) => {
  const device = fakeDevice({ fits: 20, fastest: 64 }, message);
  const sampler = await halveOnOutOfMemory(device.open, 64);
  expect((await sampler.sample({ ids: new Float64Array(0), classes: new Int8Array(0) })).length).toBe(16);
  expect(sampler.batchSize).toBe(16);
  expect(device.opened).toEqual([64, 32, 16]);
  await sampler.close();
  expect(device.numOpen()).toBe(0);
});

test("requests that run out of memory together open a smaller sampler once, when all of them have failed", async () => {
  let [numRunning, numClosedEarly] = [0, 0];
  const device = fakeDevice({ fits: 20, fastest: 64 });
  const sampler = await halveOnOutOfMemory(async (batchSize) => {
    const opened = await device.open(batchSize);
    const sample = async () => {
      numRunning++;
      await new Promise(setImmediate);
      return await opened.sample().finally(() => numRunning--);
    };
    const close = async () => {
      if (numRunning > 0) numClosedEarly++;
      await opened.close();
    };
    return { ...opened, sample, close };
  }, 64);
  const request = { ids: new Float64Array(0), classes: new Int8Array(0) };
  const all = await Promise.all(Array.from({ length: 5 }, () => sampler.sample(request)));
  expect(all.map(({ length }) => length)).toEqual([16, 16, 16, 16, 16]);
  expect(device.opened).toEqual([64, 32, 16]);
  expect(numClosedEarly).toBe(0);
  await sampler.close();
  expect(device.numOpen()).toBe(0);
});

test("if not even one image fits, the error says so in one line; other errors pass", async () => {
  const none = await halveOnOutOfMemory(fakeDevice({ fits: 0, fastest: 1 }).open, 8);
  const request = { ids: new Float64Array(0), classes: new Int8Array(0) };
  await expect(none.sample(request)).rejects.toMatchObject({
    code: "engine/out-of-memory",
    message: expect.stringMatching(/^the device "cuda" is out of memory: Failed to allocate .*[^\n]$/),
  });
  const broken = await halveOnOutOfMemory(fakeDevice({ fits: 0, fastest: 1 }, "no kernel image").open, 8);
  await expect(broken.sample(request)).rejects.toThrow("no kernel image");
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
