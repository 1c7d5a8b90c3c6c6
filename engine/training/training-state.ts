import { sizeOf } from "../graph/tensor.ts";
import { requireWeight, type Weights } from "../parameters/constant-scope.ts";
import { initialParameters, unflattenParameters } from "../parameters/parameters.ts";
import { emaNames } from "./carried-vectors.ts";
import { completeLossScale, initialLossScale, lossScaleName } from "./loss-scale.ts";
import type { TrainingProgram } from "./training-program.ts";

/** Everything that a training needs to resume. With the same seed and inputs, it reaches the same weights. */
export interface TrainingState {
  /** Steps done. */
  readonly step: number;
  /** The carried vectors by name: parameters, their EMA, the optimizer's slots, running statistics. */
  readonly vectors: Readonly<Record<string, Float32Array>>;
}

/** The state before the first step. */
export function initialState(program: TrainingProgram, seed: number): TrainingState {
  const parameters = initialParameters(program.parameters, seed);
  const states = Float32Array.from(program.states.flatMap(({ shape, value }) => new Array(sizeOf(shape)).fill(value)));
  const { parameterEmas, stateEmas } = emasOf(program);
  const vectors = program.carried.map((name) => {
    if (name === "parameters" || parameterEmas.includes(name)) return [name, parameters.slice()] as const;
    if (name === "states" || stateEmas.includes(name)) return [name, states.slice()] as const;
    if (name === lossScaleName) return [name, Float32Array.from(initialLossScale)] as const;
    return [name, new Float32Array(parameters.length)] as const;
  });
  return { step: 0, vectors: Object.fromEntries(vectors) };
}

/** The state of a checkpoint, completed with what checkpoints of earlier releases leave out. */
export function completeState({ step, vectors }: TrainingState): TrainingState {
  const lossScale = vectors[lossScaleName];
  if (lossScale === undefined) return { step, vectors };
  return { step, vectors: { ...vectors, [lossScaleName]: completeLossScale(lossScale) } };
}

/** Names of the carried vectors that hold EMAs of the parameters and of the states. */
function emasOf({ definition: { numEmas } }: TrainingProgram) {
  return { parameterEmas: emaNames("average", numEmas), stateEmas: emaNames("averageStates", numEmas) };
}

/**
 * The state before the first step of a training that starts from trained weights.
 * @param isFresh - whether a parameter is initialized as if there were no trained weights, such as a head for another
 *   task; no parameter by default
 * @throws Cifar5mError `weights/wrong-architecture` for weights of another network
 */
export function stateFromWeights(
  program: TrainingProgram,
  seed: number,
  weights: Weights,
  isFresh: (name: string) => boolean = () => false,
): TrainingState {
  const state = initialState(program, seed);
  const specs = { parameters: program.parameters, states: program.states };
  const { parameterEmas, stateEmas } = emasOf(program);
  const targets = { parameters: ["parameters", ...parameterEmas], states: ["states", ...stateEmas] };
  for (const kind of ["parameters", "states"] as const) {
    for (const name of targets[kind].filter((carried) => carried in state.vectors)) {
      const parts = unflattenParameters(specs[kind], state.vectors[name]!);
      const taken = specs[kind].filter((spec) => !isFresh(spec.name));
      for (const spec of taken) parts.get(spec.name)!.data.set(requireWeight(weights, spec).data);
    }
  }
  return state;
}
