import type { EngineName } from "../../engine/index.ts";
import type { TensorFlowPackage } from "../../engine/tfjs/load-tensorflow.ts";

/** An engine on a device, of which it is to be seen whether it works. */
export interface ProbeTarget {
  readonly engine: EngineName;
  readonly device: string;
  /** Of the tfjs engine: what it computes with. */
  readonly packageName?: TensorFlowPackage;
}

/** What the process that tries a target is told. */
export interface ProbeTask {
  readonly target: ProbeTarget;
  /** File of a generator whose network is timed; nothing is timed if left out. */
  readonly weightsPath?: string;
}

/** What it answers. */
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
