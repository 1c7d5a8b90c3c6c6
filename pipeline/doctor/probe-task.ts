import type { EngineName } from "../../engine/executor.ts";
import type { TensorFlowPackage } from "../../engine/tfjs/load-tensorflow.ts";

/** An engine on a device that may or may not work. */
export interface ProbeTarget {
  readonly engine: EngineName;
  readonly device: string;
  /** The TensorFlow package that the tfjs engine uses. */
  readonly packageName?: TensorFlowPackage;
}

/** The task of the process that tries a target. */
export interface ProbeTask {
  readonly target: ProbeTarget;
  /** File of the generator whose network is timed. Without it nothing is timed. */
  readonly weightsPath?: string;
}

/** The answer of that process. */
export type ProbeAnswer =
  | { readonly usable: false; readonly reason: string }
  | { readonly usable: true; readonly speed?: NetworkSpeed };

/** The speed of a network on a target. */
export interface NetworkSpeed {
  /** Images per second, with one call of the network per image. */
  readonly imagesPerSecond: number;
  /** Number of images per run. */
  readonly batchSize: number;
}
