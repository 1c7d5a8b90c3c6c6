import type { EngineName } from "../../engine/executor.ts";
import type { TensorFlowPackage } from "../../engine/tfjs/load-tensorflow.ts";

/** An engine on a device, which may or may not work. */
export interface ProbeTarget {
  readonly engine: EngineName;
  readonly device: string;
  /** The TensorFlow package that the tfjs engine computes with. */
  readonly packageName?: TensorFlowPackage;
}

/** The task of the process that tries a target. */
export interface ProbeTask {
  readonly target: ProbeTarget;
  /** File of the generator whose network is timed. Nothing is timed if it is left out. */
  readonly weightsPath?: string;
}

/** The answer of that process. */
export type ProbeAnswer =
  | { readonly usable: false; readonly reason: string }
  | { readonly usable: true; readonly speed?: NetworkSpeed };

/** How fast a target runs a network. */
export interface NetworkSpeed {
  /** Calls of the network, each for one image. */
  readonly imagesPerSecond: number;
  /** Images of one run. */
  readonly batchSize: number;
}
