import { type ParameterSpec, type StateSpec, totalSize } from "../parameters/parameters.ts";
import { initialLossScale, lossScaleName } from "./loss-scale.ts";

/** What checkpoints call EMAs of the parameters, and of the states. */
export type EmaKind = "average" | "averageStates";

/** Names of the carried vectors that hold the EMAs of the parameters, or of the states. */
export function emaNames(kind: EmaKind, numEmas = 1): string[] {
  return Array.from({ length: numEmas }, (_, index) => (index === 0 ? kind : `${kind}${index}`));
}

/** Number of elements of a carried vector. */
export function lengthOf(name: string, parameters: readonly ParameterSpec[], states: readonly StateSpec[]): number {
  if (name === lossScaleName) return initialLossScale.length;
  return totalSize(name === "states" || name.startsWith("averageStates") ? states : parameters);
}
