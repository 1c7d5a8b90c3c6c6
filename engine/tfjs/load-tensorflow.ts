import { createRequire } from "node:module";
import { Cifar5mError, messageOf } from "../../core/errors.ts";

/** The TensorFlow.js interface, the same whichever package it comes from. */
export type TensorFlow = typeof import("@tensorflow/tfjs");
export type Tensor = import("@tensorflow/tfjs").Tensor;

/** What the backend of the native packages tells beyond the interface. */
interface NativeBackend {
  readonly isUsingGpuDevice?: boolean;
}

/** TensorFlow.js as one of its packages gives it. */
export interface LoadedTensorFlow {
  readonly tf: TensorFlow;
  readonly packageName: TensorFlowPackage;
  /** What it computes on. */
  readonly device: "cpu" | "gpu";
}

/** Packages, from the fastest to the one that always loads. */
export const tensorFlowPackages = ["@tensorflow/tfjs-node-gpu", "@tensorflow/tfjs-node", "@tensorflow/tfjs"] as const;
export type TensorFlowPackage = (typeof tensorFlowPackages)[number];

interface Candidate {
  readonly packageName: TensorFlowPackage;
  readonly backend: string;
  readonly device: "cpu" | "gpu";
}

const candidates: readonly Candidate[] = tensorFlowPackages.map((packageName) => ({
  packageName,
  backend: packageName === "@tensorflow/tfjs" ? "cpu" : "tensorflow",
  device: packageName === "@tensorflow/tfjs-node-gpu" ? "gpu" : "cpu",
}));

const devices: Readonly<Record<string, "cpu" | "gpu">> = { cpu: "cpu", gpu: "gpu", cuda: "gpu" };

/**
 * Loads the first package that can be loaded; native ones without their binding are passed over silently.
 * @param device - `cpu`, `gpu` or `cuda`; whatever is there when undefined
 * @param only - the one package to try; all by default
 * @throws Cifar5mError `engine/unknown-device`, or `engine/device-missing` when a GPU is asked for and none can be used
 */
export async function loadTensorFlow(device?: string, only?: TensorFlowPackage): Promise<LoadedTensorFlow> {
  const wanted = device === undefined ? undefined : devices[device];
  if (device !== undefined && wanted === undefined) {
    throw new Cifar5mError(
      "engine/unknown-device",
      `the tfjs engine runs on ${Object.keys(devices).join(", ")}, got "${device}". Choose one of them.`,
    );
  }
  // Of the core that all packages share: else each of them prints banners, when it loads and when it first computes.
  requirePackage("@tensorflow/tfjs").enableProdMode();
  // TensorFlow itself tells which instructions of the processor it uses, unless it is told not to.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= "2";
  const reasons: string[] = [];
  for (const candidate of candidates) {
    if (wanted !== undefined && candidate.device !== wanted) continue;
    if (only !== undefined && candidate.packageName !== only) continue;
    try {
      return await load(candidate);
    } catch (error) {
      reasons.push(`${candidate.packageName}: ${explain(candidate, error)}`);
    }
  }
  throw new Cifar5mError(
    "engine/device-missing",
    `the tfjs engine cannot use the device "${device ?? "cpu"}" here: ${reasons.join("; ")}. Or use --device cpu.`,
  );
}

async function load({ packageName, backend, device }: Candidate): Promise<LoadedTensorFlow> {
  const tf = requirePackage(packageName);
  if (!(await tf.setBackend(backend))) throw new Error(`its backend "${backend}" does not start`);
  await tf.ready();
  if (device === "gpu" && !(tf.backend() as NativeBackend).isUsingGpuDevice) {
    throw new Error("TensorFlow sees no GPU that it can use. Install the NVIDIA driver, CUDA 12 and cuDNN 9");
  }
  return { tf, packageName, device };
}

/** Loads a CommonJS package: `require` gives all its names, and optional ones need no type declarations. */
function requirePackage(name: string): TensorFlow {
  return createRequire(import.meta.url)(name) as TensorFlow;
}

/** Why a package does not load, and what to do about it. */
function explain({ device }: Candidate, error: unknown): string {
  const [firstLine = ""] = messageOf(error).split("\n", 1);
  const setup = `Run \`cifar5m setup tensorflow${device === "gpu" ? " --gpu" : ""}\``;
  if (/^Cannot find module '@tensorflow/.test(firstLine)) return "it is not installed. Install it";
  if (/tfjs_binding|libtensorflow/.test(firstLine)) return `its binding is not compiled. ${setup}`;
  return firstLine;
}
