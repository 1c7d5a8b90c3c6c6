import { createRequire } from "node:module";
import { BuilderError } from "../../core/errors.ts";

/** The TensorFlow.js interface, the same whichever package it comes from. */
export type TensorFlow = typeof import("@tensorflow/tfjs");
export type Tensor = import("@tensorflow/tfjs").Tensor;

/** TensorFlow.js as one of its packages gives it. */
export interface LoadedTensorFlow {
  readonly tf: TensorFlow;
  /** The package that loaded, for example `@tensorflow/tfjs`. */
  readonly packageName: string;
  /** What it computes on. */
  readonly device: "cpu" | "gpu";
}

interface Candidate {
  readonly packageName: string;
  readonly backend: string;
  readonly device: "cpu" | "gpu";
}

/** From the fastest to the one that always loads. */
const candidates: readonly Candidate[] = [
  { packageName: "@tensorflow/tfjs-node-gpu", backend: "tensorflow", device: "gpu" },
  { packageName: "@tensorflow/tfjs-node", backend: "tensorflow", device: "cpu" },
  { packageName: "@tensorflow/tfjs", backend: "cpu", device: "cpu" },
];

const devices: Readonly<Record<string, "cpu" | "gpu">> = { cpu: "cpu", gpu: "gpu", cuda: "gpu" };

/**
 * Loads the first package that can be loaded; native ones without their binding are passed over silently.
 * @param device - `cpu`, `gpu` or `cuda`; whatever is there when undefined
 * @throws BuilderError `engine/unknown-device`, or `engine/device-missing` when a GPU is asked for and none can be used
 */
export async function loadTensorFlow(device?: string): Promise<LoadedTensorFlow> {
  const wanted = device === undefined ? undefined : devices[device];
  if (device !== undefined && wanted === undefined) {
    throw new BuilderError(
      "engine/unknown-device",
      `the tfjs engine runs on ${Object.keys(devices).join(", ")}, got "${device}". Choose one of them.`,
    );
  }
  // Of the core that all packages share: else each of them prints banners, when it loads and when it first computes.
  requirePackage("@tensorflow/tfjs").enableProdMode();
  const reasons: string[] = [];
  for (const candidate of candidates) {
    if (wanted !== undefined && candidate.device !== wanted) continue;
    try {
      return await load(candidate);
    } catch (error) {
      reasons.push(`${candidate.packageName}: ${firstLine(error)}`);
    }
  }
  throw new BuilderError(
    "engine/device-missing",
    `the tfjs engine cannot use the device "${device ?? "cpu"}" here (${reasons.join("; ")}). ` +
      "Use --device cpu, or install the package and its binding.",
  );
}

async function load({ packageName, backend, device }: Candidate): Promise<LoadedTensorFlow> {
  const tf = requirePackage(packageName);
  if (!(await tf.setBackend(backend))) throw new Error(`its backend "${backend}" does not start`);
  await tf.ready();
  return { tf, packageName, device };
}

/** Loads a CommonJS package: `require` gives all its names, and optional ones need no type declarations. */
function requirePackage(name: string): TensorFlow {
  return createRequire(import.meta.url)(name) as TensorFlow;
}

function firstLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error).split("\n", 1)[0]!;
}
