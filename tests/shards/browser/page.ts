/** What a page does in the tests of browsers; bundled with the loader, and told what to do by its address. */

import {
  Cifar5mError,
  type Dataset,
  type LoaderOptions,
  type LoaderState,
  openDataset,
  type TensorFlowApi,
  toReadableStream,
  toTfDataset,
} from "../../../shards/browser/index.ts";

/** A task for the page, as JSON. */
export interface PageTask {
  readonly options: LoaderOptions<"uint8" | "float32">;
  /** Batches to serve; all by default. */
  readonly numBatches?: number;
  readonly state?: LoaderState;
}

/** What the page answers for a task: hashes of what a batch holds, as `hashBatch` makes them. */
export interface PageAnswer {
  readonly ids: number[][];
  readonly images: string[];
  readonly state: LoaderState;
}

interface Sink {
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

interface Folder {
  getDirectoryHandle(name: string): Promise<Folder>;
  removeEntry(name: string, options: object): Promise<void>;
  values(): AsyncIterable<{ readonly name: string; getFile(): Promise<File>; createWritable(): Promise<Sink> }>;
}

declare const navigator: { readonly storage: { getDirectory(): Promise<Folder> } };
declare const document: { readonly baseURI: string };
declare const tf: {
  sequential(options: object): Model;
  readonly layers: Readonly<Record<"flatten" | "dense", (options: object) => object>>;
} & TensorFlowApi<unknown, unknown>;

interface Model {
  compile(options: object): void;
  fitDataset(data: unknown, options: object): Promise<{ readonly history: Readonly<Record<string, number[]>> }>;
}

async function serve(dataset: Dataset, { options, numBatches, state }: PageTask): Promise<PageAnswer> {
  const loader = dataset.loader({ ...options, ...(state === undefined ? {} : { state }) });
  const ids: number[][] = [];
  const images: string[] = [];
  for await (const batch of loader) {
    ids.push([...batch.ids]);
    const { buffer, byteOffset, byteLength } = batch.images;
    const hash = await crypto.subtle.digest("SHA-256", new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength));
    images.push([...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, "0")).join(""));
    if (ids.length === numBatches) break;
  }
  return { ids, images, state: loader.state() };
}

/** Losses of a small network, trained on a stretch of each regime. */
async function train(dataset: Dataset): Promise<number[]> {
  const losses: number[] = [];
  const common = { batchSize: 5, seed: 3, dtype: "float32" } as const;
  for (const options of [
    { ...common, regime: "finite", epochs: 4 } as const,
    { ...common, regime: "infinite" } as const,
  ]) {
    const model = tf.sequential({
      layers: [tf.layers.flatten({ inputShape: [32, 32, 3] }), tf.layers.dense({ units: 10, activation: "softmax" })],
    });
    model.compile({ optimizer: "sgd", loss: "categoricalCrossentropy" });
    const data = toTfDataset(tf, dataset.loader(options));
    const { history } = await model.fitDataset(data, { epochs: 1, batchesPerEpoch: 5, verbose: 0 });
    losses.push(...history["loss"]!);
  }
  return losses;
}

/** The page's private files of fetched shards. */
async function listKept(): Promise<
  { readonly name: string; getFile(): Promise<File>; createWritable(): Promise<Sink> }[]
> {
  const root = await navigator.storage.getDirectory();
  const kept = [];
  for await (const handle of (await root.getDirectoryHandle("cifar5m-shards")).values()) kept.push(handle);
  return kept;
}

async function codeOf(work: () => unknown): Promise<string> {
  try {
    await work();
    return "none";
  } catch (thrown) {
    return thrown instanceof Cifar5mError ? thrown.code : String(thrown);
  }
}

async function main() {
  const { tasks } = (await (await fetch("/tasks")).json()) as { readonly tasks: readonly PageTask[] };
  const dataset = await openDataset("dataset", { memoryBytes: 0 });
  const answers = [];
  for (const task of tasks) answers.push(await serve(dataset, task));
  const filtered = await dataset.filter({ classes: [3, 4] });
  const streamed: number[] = [];
  const stream = toReadableStream(
    filtered.loader({ regime: "finite", epochs: 1, batchSize: 2, seed: 1, dropLast: false }),
  );
  const reader = stream.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) streamed.push(...part.value.ids);
  const losses = await train(dataset);
  const countRequests = async () => (await (await fetch("/shard-requests")).json()) as number;
  const requests = [await countRequests()];
  dataset.close();
  const again = await openDataset(new URL("dataset", document.baseURI), { memoryBytes: 0 });
  const kept = await serve(again, tasks[0]!);
  requests.push(await countRequests());
  // One of the files is damaged, with its size unchanged.
  const [damaged] = await listKept();
  const sink = await damaged!.createWritable();
  await sink.write(new Uint8Array((await damaged!.getFile()).size));
  await sink.close();
  const repaired = await serve(await openDataset("dataset", { memoryBytes: 0 }), tasks[0]!);
  requests.push(await countRequests());
  const withoutStorage = await openDataset("dataset", { cache: { storage: "none" } });
  const fetched = await serve(withoutStorage, tasks[0]!);
  requests.push(await countRequests());
  // With space for one and a half shards, and nothing there.
  const { size } = await damaged!.getFile();
  await (await navigator.storage.getDirectory()).removeEntry("cifar5m-shards", { recursive: true });
  const small = await openDataset("dataset", { memoryBytes: 0, cache: { maxBytes: 1.5 * size } });
  const squeezed = await serve(small, tasks[0]!);
  return {
    answers,
    repaired,
    squeezed,
    numKept: (await listKept()).length,
    streamed: streamed.sort((a, b) => a - b),
    losses,
    kept,
    fetched,
    requests,
    codes: [
      await codeOf(() => openDataset("nowhere", { transfer: { tries: 1 } })),
      await codeOf(() => openDataset("file:///etc")),
      await codeOf(() => openDataset("dataset", { cache: { maxByte: 1 } } as object)),
      await codeOf(() => again.loader({ regime: "finite", batchSize: 2, workers: 2 })),
      await codeOf(async () => {
        for await (const _ of again.loader({ regime: "infinite", batchSize: 5, seed: 1 }));
      }),
    ],
  };
}

main().then(
  (result) => fetch("/result", { method: "POST", body: JSON.stringify(result) }),
  (thrown) => fetch("/result", { method: "POST", body: JSON.stringify({ failed: String(thrown?.stack ?? thrown) }) }),
);
