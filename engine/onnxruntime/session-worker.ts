/** The code of each worker of `SessionPool`. It has its own session, which it creates for the first run. */

import { workerData } from "node:worker_threads";
import type { InferenceSession } from "onnxruntime-node";
import type { Feeds } from "../executor.ts";
import type { TensorData } from "../graph/tensor.ts";
import { createSession, runSession, type SessionOptions } from "./session.ts";

export interface SessionWorkerData {
  /** An ONNX file, in memory that all workers share. */
  readonly model: SharedArrayBuffer;
  readonly session: SessionOptions;
}

const { model, session: options }: SessionWorkerData = workerData;
let session: Promise<InferenceSession> | undefined;

export default async function runSessionInWorker(feeds: Feeds): Promise<Record<string, TensorData>> {
  // onnxruntime does not accept shared memory, so it gets a copy.
  session ??= createSession(new Uint8Array(model).slice(), options);
  return await runSession(await session, feeds);
}
