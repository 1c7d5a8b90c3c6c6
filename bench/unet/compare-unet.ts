/** The U-Net, forward and in training, beside PyTorch where Python has it. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { totalSize } from "../../engine/parameters/parameters.ts";
import { probeTarget } from "../../pipeline/doctor/probe-target.ts";
import type { ProbeTarget } from "../../pipeline/doctor/probe-task.ts";
import { type ComparisonResult, compare, type Effort, torchVersion } from "../harness/comparison.ts";
import { benchmarkProgram, sizesFor, writeCase } from "./unet-case.ts";

type Kind = "forward" | "train";

const titles = { forward: "U-Net forward", train: "U-Net training step (loss, backward, clipping, AdamW, EMA)" };

const cpuPlan = {
  forward: {
    variants: ["eager", "channels-last", "compile", "compile-bf16"],
    goals: [
      { variant: "compile", ratio: 1.3 },
      { variant: "compile-bf16", ratio: 1 },
    ],
  },
  train: { variants: ["channels-last"], goals: [{ variant: "channels-last", ratio: 1 }] },
};
const gpuPlan = {
  forward: { variants: ["channels-last", "compile", "compile-bf16"], goals: [] },
  train: { variants: ["channels-last", "bf16", "compile-bf16"], goals: [] },
};

/** @param device - as `--device` names it */
export async function compareUnet(device: string, effort: Effort): Promise<readonly ComparisonResult[]> {
  const folder = await mkdtemp(join(tmpdir(), "cifar5m-bench-"));
  try {
    const sizes = sizesFor(device);
    const casePath = join(folder, "case.safetensors");
    await writeFile(casePath, writeCase(sizes));
    const torch = torchVersion(device);
    console.log(
      `U-Net of ${(totalSize(benchmarkProgram(sizes).parameters) / 1e6).toFixed(1)} M parameters on 32×32 images, ` +
        `on ${device}; ${cpus().length} × ${cpus()[0]?.model ?? "CPU"}; ` +
        `${torch === undefined ? "no PyTorch for it here" : `PyTorch ${torch}`}`,
    );
    const results: ComparisonResult[] = [];
    for (const kind of ["forward", "train"] as const) {
      const { variants, goals } = (device === "cpu" ? cpuPlan : gpuPlan)[kind];
      const ours = (...rest: string[]) => [
        "unet/unet-contestant.js",
        kind,
        String(effort.numThreads),
        casePath,
        ...rest,
      ];
      const comparison = {
        title: `${titles[kind]}, ${device}, batch ${sizes.batchSize}`,
        ours: ours("onnxruntime", device),
        theirs: (variant: string) => [
          "unet/unet_torch.py",
          kind,
          variant,
          String(effort.numThreads),
          casePath,
          torchDevice(device),
        ],
        variants: torch === undefined ? [] : variants,
        alsoOurs: await furtherContenders(kind, device, ours),
        goals,
        // GPUs multiply float32 with 10 bits, as PyTorch's convolutions do there by default.
        tolerance: device === "cpu" ? 1e-4 : 1e-2,
      };
      results.push(await compare(comparison, effort));
    }
    return results;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function furtherContenders(
  kind: Kind,
  device: string,
  ours: (...rest: string[]) => string[],
): Promise<Readonly<Record<string, readonly string[]>>> {
  const contenders: Record<string, readonly string[]> = {};
  if (device !== "cpu") contenders["cifar5m mixed"] = ours("onnxruntime", device, "mixed");
  const target = nativeTfjs(device);
  if (kind === "forward" && target !== undefined) {
    const { usable } = await probeTarget({ target }, new AbortController().signal);
    if (usable) contenders["cifar5m (tfjs-node)"] = ours("tfjs", target.device);
  }
  return contenders;
}

/** The second engine on a device, where TensorFlow computes there: plain JavaScript would take minutes for a round. */
export function nativeTfjs(device: string): ProbeTarget | undefined {
  if (device === "cpu") return { engine: "tfjs", device, packageName: "@tensorflow/tfjs-node" };
  return device === "cuda" ? { engine: "tfjs", device: "gpu", packageName: "@tensorflow/tfjs-node-gpu" } : undefined;
}

/** PyTorch has no WebGPU: what runs there is measured beside its best on the same card. */
function torchDevice(device: string): string {
  return device === "cpu" ? "cpu" : "cuda";
}
