import { afterAll, expect, test } from "vitest";
import type { Executable } from "../../../engine/executor.ts";
import { forEachBatch } from "../../../engine/for-each-batch.ts";
import { Graph } from "../../../engine/graph/graph.ts";
import { tensorData } from "../../../engine/graph/tensor.ts";
import { onnxruntimeEngine } from "../../../engine/onnxruntime/onnxruntime-engine.ts";
import { exp, mul } from "../../../engine/ops/elementwise.ts";
import { matmul } from "../../../engine/ops/matmul.ts";

const size = 8;

/** exp(x · xᵀ / 10), and x doubled. */
function exampleGraph(): Graph {
  const graph = new Graph();
  const x = graph.input("x", "float32", [size, size]);
  graph.output("y", exp(mul(matmul(x, x), 0.1)));
  graph.output("twice", mul(x, 2));
  return graph;
}

const inputOf = (run: number) =>
  tensorData(
    "float32",
    [size, size],
    Array.from({ length: size * size }, (_, index) => Math.sin(run + index)),
  );

const opened: Executable[] = [];
afterAll(() => Promise.all(opened.map((executable) => executable.release())));

test("each run of a pool gives the same result as a single session", async () => {
  const single = await onnxruntimeEngine({ numThreads: 3 }).compile(exampleGraph());
  const pool = await onnxruntimeEngine({ numThreads: 3 }).compile(exampleGraph(), "throughput");
  opened.push(single, pool);
  expect([single.concurrency, pool.concurrency]).toEqual([1, 3]);
  const results = await Promise.all(Array.from({ length: 20 }, (_, run) => pool.run({ x: inputOf(run) })));
  for (const [run, result] of results.entries()) {
    expect(result).toEqual(await single.run({ x: inputOf(run) }));
    expect(result["twice"]!.data[1]).toBeCloseTo(2 * Math.sin(run + 1), 6);
  }
});

test("the main thread is not blocked while the pool runs", async () => {
  const graph = new Graph();
  const x = graph.input("x", "float32", [600, 600]);
  graph.output(
    "y",
    Array.from({ length: 20 }).reduce<typeof x>((product) => matmul(product, x), x),
  );
  const pool = await onnxruntimeEngine({ numThreads: 2 }).compile(graph, "throughput");
  opened.push(pool);
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  await pool.run({ x: tensorData("float32", [600, 600], new Array(360_000).fill(0.001)) });
  clearInterval(timer);
  expect(ticks).toBeGreaterThan(0);
});

test("an error in a worker fails its run, and the next run works", async () => {
  const pool = await onnxruntimeEngine({ numThreads: 2 }).compile(exampleGraph(), "throughput");
  opened.push(pool);
  await expect(pool.run({})).rejects.toMatchObject({ code: "engine/missing-input" });
  const misshaped = pool.run({ x: tensorData("float32", [1, 3], [1, 2, 3]) });
  await expect(misshaped).rejects.toMatchObject({ code: "engine/wrong-shape" });
  expect((await pool.run({ x: inputOf(0) }))["y"]!.shape).toEqual([size, size]);
});

test.each([
  [0, 4, 3],
  [1, 4, 3],
  [8, 4, 1],
  [23, 4, 3],
])(
  "%i items in batches of %i, with %i batches at once, are each processed once",
  async (numItems, batchSize, concurrency) => {
    const done: number[] = [];
    let [running, most] = [0, 0];
    await forEachBatch({ numItems, batchSize, concurrency }, async (start, end) => {
      most = Math.max(most, ++running);
      expect(end - start).toBeLessThanOrEqual(batchSize);
      await new Promise(setImmediate);
      for (let item = start; item < end; item++) done.push(item);
      running--;
    });
    expect(done.toSorted((a, b) => a - b)).toEqual(Array.from({ length: numItems }, (_, item) => item));
    expect(most).toBe(Math.min(concurrency, Math.ceil(numItems / batchSize)));
  },
);

test("after an error no batch begins, and none is in progress when the error arrives", async () => {
  let [numBegun, running] = [0, 0];
  const working = forEachBatch({ numItems: 100, batchSize: 1, concurrency: 3 }, async (start) => {
    numBegun++;
    running++;
    await new Promise((resolve) => setTimeout(resolve, start === 1 ? 1 : 30));
    running--;
    if (start === 1) throw new Error("one is bad");
  });
  await expect(working).rejects.toThrow("one is bad");
  expect({ numBegun, running }).toEqual({ numBegun: 3, running: 0 });
});

test("a pool that is released takes no more runs", async () => {
  const pool = await onnxruntimeEngine({ numThreads: 2 }).compile(exampleGraph(), "throughput");
  const releasing = pool.release();
  await expect(pool.run({ x: inputOf(1) })).rejects.toMatchObject({ code: "engine/released" });
  await releasing;
});

test("releasing waits for the runs in progress, because their threads must not be terminated", async () => {
  const graph = new Graph();
  const x = graph.input("x", "float32", [600, 600]);
  graph.output(
    "y",
    Array.from({ length: 20 }).reduce<typeof x>((product) => matmul(product, x), x),
  );
  const pool = await onnxruntimeEngine({ numThreads: 2 }).compile(graph, "throughput");
  const input = { x: tensorData("float32", [600, 600], new Array(360_000).fill(0.001)) };
  const running = [1, 2, 3].map(() => pool.run(input));
  await pool.release();
  for (const result of await Promise.all(running)) expect(result["y"]!.shape).toEqual([600, 600]);
});
