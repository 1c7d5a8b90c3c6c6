import { createRequire } from "node:module";
import { Cifar5mError, messageOf } from "../../core/errors.ts";
import { DeviceError } from "../device-error.ts";

/** The TensorFlow.js interface, which all of its packages share. */
export type TensorFlow = typeof import("@tensorflow/tfjs");
export type Tensor = import("@tensorflow/tfjs").Tensor;

/** What the backend of the native packages offers beyond the interface. */
interface NativeBackend {
  readonly isUsingGpuDevice?: boolean;
}

/** TensorFlow.js as loaded from one of its packages. */
export interface LoadedTensorFlow {
  readonly tf: TensorFlow;
  readonly packageName: TensorFlowPackage;
  /** The kind of device that it computes on. */
  readonly device: "cpu" | "gpu";
}

/** The packages from the fastest one to the one that always loads. */
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
 * Loads the first package that works. It silently skips native packages without their binding.
 * @param device - `cpu`, `gpu` or `cuda`; any device by default
 * @param only - the only package to try; all packages by default
 * @throws Cifar5mError `engine/unknown-device`; `engine/device-missing` if no package works on the device
 */
export async function loadTensorFlow(device?: string, only?: TensorFlowPackage): Promise<LoadedTensorFlow> {
  const wanted = device === undefined ? undefined : devices[device];
  if (device !== undefined && wanted === undefined) {
    throw new Cifar5mError(
      "engine/unknown-device",
      `the tfjs engine runs on ${Object.keys(devices).join(", ")}, got "${device}". Choose one of them.`,
    );
  }
  // Sets the mode of the core that all packages share. Otherwise each package prints banners.
  requirePackage("@tensorflow/tfjs").enableProdMode();
  // Otherwise TensorFlow logs which instructions of the processor it uses.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= "2";
  const reasons: string[] = [];
  for (const candidate of candidates) {
    if (wanted !== undefined && candidate.device !== wanted) continue;
    if (only !== undefined && candidate.packageName !== only) continue;
    try {
      return await load(candidate);
    } catch (error) {
      const packageName = only === undefined ? `${candidate.packageName}: ` : "";
      reasons.push(`${packageName}${explain(candidate, error)}`);
    }
  }
  const subject = only === undefined ? "the tfjs engine" : only;
  throw new DeviceError(subject, device ?? "cpu", `${reasons.join("; ")}.`);
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

/** Loads a CommonJS package. With `require`, optional packages need no type declarations. */
function requirePackage(name: string): TensorFlow {
  return createRequire(import.meta.url)(name) as TensorFlow;
}

/** Explains why a package does not load, and what to do about it. */
function explain({ device }: Candidate, error: unknown): string {
  const [firstLine = ""] = messageOf(error).split("\n", 1);
  const setup = `Run \`cifar5m setup tensorflow${device === "gpu" ? " --gpu" : ""}\``;
  if (/^Cannot find module '@tensorflow/.test(firstLine)) return "it is not installed. Install it";
  if (/tfjs_binding|libtensorflow/.test(firstLine)) return `its binding is not compiled. ${setup}`;
  return firstLine;
}
