import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { type Dataset, type LoaderOptions, type LoaderState, openDataset } from "../../../shards/index.ts";
import { hashValues, makeDataset } from "../../support/make-rows.ts";
import { findPythonModules, runPython } from "../../support/run-python.ts";

const modules = ["torch", "numpy", "pyarrow"];
const found = findPythonModules(modules);
const missing = modules.filter((name) => !found.has(name));

interface ServedBatch {
  readonly ids: readonly number[];
  readonly labels: readonly number[];
  readonly images: string;
}

/** Input and output of serve_batches.py. */
interface Job {
  readonly options: LoaderOptions;
  readonly state?: LoaderState | object;
  readonly limit?: number;
  readonly workers?: number;
}
interface Served {
  readonly batches: readonly ServedBatch[];
  readonly state?: LoaderState;
  readonly error?: string;
}

/** Options of the TypeScript loader by the names they have in Python. */
function toPython(options: object): Record<string, unknown> {
  const toSnakeCase = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const translate = (value: unknown): unknown =>
    typeof value === "object" && value !== null ? toPython(value) : value;
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [toSnakeCase(name), translate(value)]));
}

/** One process of Python for all jobs, since starting it takes longer than a job. */
async function serveInPython(folder: string, jobs: readonly Job[]): Promise<Served[]> {
  const requests = jobs.map(({ options, ...job }) => ({
    ...{ folder, ...job },
    options: toPython(options),
  }));
  return JSON.parse(await runPython("shards/order/serve_batches.py", [], requests)) as Served[];
}

async function serve(dataset: Dataset, { options, state, limit = Number.POSITIVE_INFINITY }: Job): Promise<Served> {
  const loader = dataset.loader({ ...options, state: state as LoaderState });
  const batches: ServedBatch[] = [];
  const end = Math.min(limit, loader.numBatches);
  const after = () => ({ batches, state: loader.state() });
  if (end === 0) return after();
  try {
    for await (const { ids, labels, images } of loader) {
      batches.push({ ids: [...ids], labels: [...labels], images: hashValues(images) });
      if (batches.length === end) return after();
    }
  } catch (error) {
    if ((error as { code?: string }).code !== "regime/exhausted") throw error;
  }
  return after();
}

const shuffles = fc.oneof(
  fc.constant("full" as const),
  fc.record({ blockRows: fc.integer({ min: 1, max: 40 }), windowBlocks: fc.integer({ min: 1, max: 6 }) }),
);
const anyOptions: fc.Arbitrary<LoaderOptions> = fc
  .record({
    isReused: fc.boolean(),
    isShuffled: fc.integer({ min: 0, max: 3 }),
    shuffle: shuffles,
    numSamples: fc.integer({ min: 20, max: 100 }),
    epochs: fc.integer({ min: 1, max: 3 }),
    dropLast: fc.boolean(),
    batchSize: fc.integer({ min: 1, max: 20 }),
    seed: fc.oneof(fc.nat(9), fc.maxSafeNat()),
    worldSize: fc.integer({ min: 1, max: 3 }),
    rank: fc.nat(5),
    labelNoise: fc.option(fc.record({ rate: fc.double({ min: 0, max: 1, noNaN: true }), seed: fc.maxSafeNat() }), {
      nil: undefined,
    }),
  })
  .filter(({ batchSize, worldSize }) => batchSize >= worldSize)
  .map(({ isReused, isShuffled, shuffle, numSamples, epochs, dropLast, labelNoise, ...common }) => {
    const rank = common.rank % common.worldSize;
    const shared = { ...common, rank, ...(labelNoise === undefined ? {} : { labelNoise }) };
    return isReused
      ? { regime: "finite", numSamples, epochs, dropLast, shuffle: isShuffled > 0 && shuffle, ...shared }
      : { regime: "infinite", shuffle, ...shared };
  });

describe.skipIf(missing.length > 0)("PyTorch, where python3 has torch, numpy and pyarrow", () => {
  let folder = "";
  let dataset: Dataset;

  // Not the folder of a test: all of them read it.
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "cifar5m-torch-"));
    await makeDataset(folder, { train: 100, test: 20, rowsPerShard: 30 });
    dataset = await openDataset(folder);
    return () => rm(folder, { recursive: true });
  });

  test("any options give the ids, labels, images and states of the TypeScript loader", async () => {
    const fixed = [1, 2, 3].flatMap((worldSize) =>
      Array.from({ length: worldSize }, (_, rank) => {
        const common = { batchSize: 7, seed: 4, rank, worldSize, labelNoise: { rate: 0.3 } };
        const blocked = { blockRows: 12, windowBlocks: 3 };
        return [
          { regime: "finite", numSamples: 50, epochs: 2, ...common },
          { regime: "finite", numSamples: 50, epochs: 2, dropLast: false, shuffle: blocked, ...common },
          { regime: "infinite", ...common },
          { regime: "infinite", shuffle: blocked, ...common },
        ] satisfies LoaderOptions[];
      }).flat(),
    );
    const jobs = [...fixed, ...fc.sample(anyOptions, { numRuns: 100, seed: 1 })].map((options) => ({ options }));
    const served = await serveInPython(folder, jobs);
    for (const [index, job] of jobs.entries()) {
      const { batches, state } = served[index]!;
      expect({ ...job, batches, state }).toEqual({ ...job, ...(await serve(dataset, job)) });
    }
  });

  test("a training that moves to the other language continues with the next batch, even at another world size", async () => {
    const resumes = fc.sample(
      fc
        .record({ options: anyOptions, limit: fc.nat(9), next: fc.integer({ min: 1, max: 3 }) })
        .filter(({ options, next }) => options.batchSize >= next),
      { numRuns: 40, seed: 2 },
    );
    const firsts = resumes.map(({ options, limit }) => ({ options, limit }));
    const firstsInPython = await serveInPython(folder, firsts);
    const firstsHere = await Promise.all(firsts.map((job) => serve(dataset, job)));
    const rests = resumes.map(({ options, next }, index) => ({
      options: { ...options, rank: next - 1, worldSize: next },
      // Through JSON, as through a file.
      state: JSON.parse(JSON.stringify(firstsHere[index]?.state)) as LoaderState,
    }));
    const restsInPython = await serveInPython(folder, rests);
    for (const [index, rest] of rests.entries()) {
      const whole = await serve(dataset, { options: rest.options });
      const numBefore = firstsHere[index]!.batches.length;
      expect(firstsInPython[index]?.state).toEqual(firstsHere[index]?.state);
      const restHere = await serve(dataset, { ...rest, state: firstsInPython[index]!.state! });
      expect(restHere.batches).toEqual(whole.batches.slice(numBefore));
      expect(restsInPython[index]?.batches).toEqual(whole.batches.slice(numBefore));
    }
    const larger = rests.map(({ options, state }) => ({
      options: { ...options, batchSize: Math.min(20, 2 * options.batchSize) },
      state,
    }));
    const largerInPython = await serveInPython(folder, larger);
    for (const [index, rest] of larger.entries()) {
      expect(largerInPython[index]).toMatchObject(await serve(dataset, rest));
    }
  });

  test("worker processes serve the same batches in the same order, and the state is exact", async () => {
    const options = { batchSize: 9, seed: 3 } as const;
    const finite = { regime: "finite", numSamples: 40, epochs: 3, dropLast: false, ...options } as const;
    const infinite = { regime: "infinite", ...options } as const;
    const { state } = await serve(dataset, { options: finite, limit: 2 });
    const jobs: Job[] = [0, 1, 2, 3].flatMap((workers) => [
      { workers, options: finite },
      { workers, options: finite, limit: 7 },
      { workers, options: finite, state: state! },
      { workers, options: infinite },
    ]);
    const served = await serveInPython(folder, jobs);
    for (const [index, { workers, ...job }] of jobs.entries()) {
      const { batches, state, error } = served[index]!;
      expect({ workers, ...job, batches, state }).toEqual({ workers, ...job, ...(await serve(dataset, job)) });
      if (job.options.regime === "infinite") expect(error).toMatch(/asked for images 100 to 108 of 100/);
      else expect(error).toBeUndefined();
    }
  });
});
