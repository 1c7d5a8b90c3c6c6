/** The code of each worker of `SessionPool`. It has its own session, which it creates for the first run. */

import { workerData } from "node:worker_threads";
import type { InferenceSession } from "onnxruntime-node";
import { Cifar5mError } from "../../core/errors.ts";
import type { Feeds } from "../executor.ts";
import type { TensorData } from "../graph/tensor.ts";
import { openSession, runSession, type SessionOptions } from "./session.ts";

export interface SessionWorkerData {
  /** An ONNX file, in memory that all workers share. */
  readonly model: SharedArrayBuffer;
  readonly session: SessionOptions;
}

/** The results of a run, or our error: between threads, an error would lose its class and code. */
export type SessionAnswer =
  | { readonly results: Record<string, TensorData> }
  | { readonly code: string; readonly message: string };

const { model, session: options }: SessionWorkerData = workerData;
let session: Promise<InferenceSession> | undefined;

export default async function runSessionInWorker(feeds: Feeds): Promise<SessionAnswer> {
  try {
    // onnxruntime does not accept shared memory, so it gets a copy.
    session ??= openSession(new Uint8Array(model).slice(), "cpu", options);
    return { results: await runSession(await session, feeds) };
  } catch (error) {
    if (error instanceof Cifar5mError) return { code: error.code, message: error.message };
    throw error;
  }
}
