import { tensorFlowPackages } from "../../engine/tfjs/load-tensorflow.ts";
import { shippedFile } from "../run/shipped-files.ts";
import { inspectMachine, type Machine } from "./inspect-machine.ts";
import { probeTarget } from "./probe-target.ts";
import type { NetworkSpeed, ProbeTarget } from "./probe-task.ts";

/** An engine on a device, and the result of trying it. */
export interface Finding extends ProbeTarget {
  readonly usable: boolean;
  /** Why it cannot be used, and what to do about that. */
  readonly reason?: string;
  /** The speed of the shipped generator's network. */
  readonly speed?: NetworkSpeed;
}

/** The machine, and which engines and devices work on it. */
export interface Diagnosis {
  readonly machine: Machine;
  readonly findings: readonly Finding[];
}

/**
 * Tries every engine on every device, one after the other.
 * @param options.bench - whether to time them too
 * @param options.onFinding - called after each target
 */
export async function examine(options: {
  readonly folder: string;
  readonly bench: boolean;
  readonly signal: AbortSignal;
  readonly onFinding: (finding: Finding) => void;
}): Promise<Diagnosis> {
  const { folder, bench, signal, onFinding } = options;
  const machine = await inspectMachine(folder, signal);
  const findings: Finding[] = [];
  for (const target of targetsOf(machine)) {
    signal.throwIfAborted();
    const task = { target, ...(bench ? { weightsPath: shippedFile("generator.safetensors") } : {}) };
    const finding = { ...target, ...(await probeTarget(task, signal)) };
    findings.push(finding);
    onFinding(finding);
  }
  return { machine, findings };
}

function targetsOf({ gpus }: Machine): ProbeTarget[] {
  const cudaDevices = gpus.length > 1 ? gpus.map(({ device }) => device) : ["cuda"];
  return [
    ...["cpu", ...cudaDevices, "webgpu"].map((device) => ({ engine: "onnxruntime" as const, device })),
    ...tensorFlowPackages.map((packageName) => ({
      engine: "tfjs" as const,
      device: packageName === "@tensorflow/tfjs-node-gpu" ? "gpu" : "cpu",
      packageName,
    })),
  ];
}
