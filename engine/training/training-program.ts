import { Cifar5mError } from "../../core/errors.ts";
import type { ImageLayout } from "../executor.ts";
import type { Graph } from "../graph/graph.ts";
import type { ParameterSpec, StateSpec } from "../parameters/parameters.ts";
import { type RandomInput, traceParameters } from "../parameters/trace-parameters.ts";
import { type EmaKind, emaNames } from "./carried-vectors.ts";
import { lossScaleName } from "./loss-scale.ts";
import { declareInputs, type TrainingDefinition } from "./training-definition.ts";
import { trainingGraph } from "./training-graph.ts";

/** A program that trains a network. */
export interface TrainingProgram {
  /**
   * Builds the training graph. Its `Loop` carries everything that changes from step to step.
   * @param roundsProducts - as `Engine.roundsProducts`; false by default
   */
  readonly graph: (layout: ImageLayout, roundsProducts?: boolean) => Graph;
  readonly definition: TrainingDefinition;
  readonly parameters: readonly ParameterSpec[];
  readonly states: readonly StateSpec[];
  readonly randoms: readonly RandomInput[];
  /** Names of the vectors that a call takes and returns, and that the next call takes again. */
  readonly carried: readonly string[];
}

/**
 * Builds a training program. With `scalesLoss`, a step whose gradient is not finite changes only the loss scale.
 * @throws Cifar5mError `engine/name-taken` for a resident array or step input whose name the training graph uses itself
 */
export function buildTrainingProgram(definition: TrainingDefinition): TrainingProgram {
  const network = traceParameters((scope, graph) => {
    const residents = declareInputs(graph, definition.residents, "resident");
    const step = declareInputs(graph, definition.step, "step");
    graph.output("loss", definition.loss({ scope, residents, step }));
  });
  const { parameters, states, randoms } = network;
  const slots = Array.from({ length: definition.optimizer.numSlots }, (_, index) => `slot${index}`);
  const emas = (kind: EmaKind) => emaNames(kind, definition.numEmas);
  const stateNames = states.length > 0 ? ["states", ...emas("averageStates")] : [];
  const scaleNames = definition.scalesLoss ? [lossScaleName] : [];
  const carried = ["parameters", ...emas("average"), ...slots, ...stateNames, ...scaleNames];
  requireFreeNames(definition, [
    ...trainingInputs,
    ...carried.flatMap((name) => [name, `${name}Next`]),
    ...randoms.map(({ name }) => name),
  ]);
  return {
    graph: (layout, roundsProducts = false) =>
      trainingGraph(definition, network, { slots, carried }, { layout, roundsProducts }),
    definition,
    parameters,
    states,
    randoms,
    carried,
  };
}

/** Inputs and outputs that the graph of every training has. */
const trainingInputs = ["numSteps", "learningRate", "emaDecay", "stepNumber", "losses"];

function requireFreeNames({ residents, step }: TrainingDefinition, used: readonly string[]): void {
  const taken = new Set(used);
  for (const name of [...Object.keys(residents), ...Object.keys(step)]) {
    if (taken.has(name)) {
      throw new Cifar5mError(
        "engine/name-taken",
        `a training has another input or output "${name}". Choose another name for the resident array or step input.`,
      );
    }
    taken.add(name);
  }
}
