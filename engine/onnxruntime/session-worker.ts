/** What each worker of `SessionPool` runs: a session of its own, made when the first feeds come. */

import { workerData } from "node:worker_threads";
import type { InferenceSession } from "onnxruntime-node";
import type { Feeds } from "../executor.ts";
import type { TensorData } from "../graph/tensor.ts";
import { createSession, runSession, type SessionOptions } from "./session.ts";

export interface SessionWorkerData {
  /** An ONNX file, in memory that the pool share. */
  readonly model: SharedArrayBuffer;
  readonly session: SessionOptions;
}

const { model, session: options }: SessionWorkerData = workerData;
let session: Promise<InferenceSession> | undefined;

export default async function runSessionInWorker(feeds: Feeds): Promise<Record<string, TensorData>> {
  // onnxruntime takes no shared memory, so it gets a copy.
  session ??= createSession(new Uint8Array(model).slice(), options);
  return await runSession(await session, feeds);
}
