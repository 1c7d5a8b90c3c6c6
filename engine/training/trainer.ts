import { Cifar5mError } from "../../core/errors.ts";
import { fillFloat32Normals } from "../../core/normals/fill-float32-normals.ts";
import { fillUniforms } from "../../core/random.ts";
import type { Engine, Executable } from "../executor.ts";
import { type Shape, sizeOf, type TensorArray, type TensorData, tensorData } from "../graph/tensor.ts";
import { lengthOf } from "./carried-vectors.ts";
import { DivergedError } from "./diverged-error.ts";
import { joinSteps } from "./join-steps.ts";
import { leastLossScale, lossScaleName } from "./loss-scale.ts";
import type { TrainingProgram } from "./training-program.ts";
import { completeState, initialState, type TrainingState } from "./training-state.ts";

/** The inputs of one step. */
export interface StepInputs {
  readonly learningRate: number;
  /** EMA decay in [0, 1]: the share of the old EMA that is kept. A list if the program keeps several EMAs. */
  readonly emaDecay: number | readonly number[];
  /** The inputs that the training definition declares, by name. */
  readonly values: Readonly<Record<string, TensorArray>>;
}

/** Runs a training program step by step. */
export class Trainer {
  readonly program: TrainingProgram;
  readonly #executable: Executable;
  readonly #residents: Readonly<Record<string, TensorData>>;
  readonly #seed: number;
  #state: TrainingState;

  private constructor(
    program: TrainingProgram,
    executable: Executable,
    residents: Readonly<Record<string, TensorData>>,
    seed: number,
    state: TrainingState,
  ) {
    this.program = program;
    this.#executable = executable;
    this.#residents = residents;
    this.#seed = seed;
    this.#state = state;
  }

  /**
   * Compiles a training program.
   * @param options.residents - a value for each resident array of the program
   * @param options.seed - seed of the initial weights and of all random numbers of all steps
   * @param options.state - the state to resume from; the initial state by default
   * @throws Cifar5mError `train/wrong-checkpoint` for a state of another program; `engine/…`
   */
  static async create(options: {
    readonly program: TrainingProgram;
    readonly engine: Engine;
    readonly residents: Readonly<Record<string, TensorData>>;
    readonly seed: number;
    readonly state?: TrainingState | undefined;
  }): Promise<Trainer> {
    const { program, engine, residents, seed } = options;
    const state = options.state === undefined ? initialState(program, seed) : completeState(options.state);
    for (const name of program.carried) {
      const expected = lengthOf(name, program.parameters, program.states);
      if (state.vectors[name]?.length !== expected) {
        throw new Cifar5mError(
          "train/wrong-checkpoint",
          `the checkpoint's "${name}" must have ${expected} numbers, got ${state.vectors[name]?.length ?? "none"}. ` +
            "Start in an empty folder, or use the options of the interrupted run.",
        );
      }
    }
    const graph = program.graph(engine.trainingLayout, engine.roundsProducts);
    return new Trainer(program, await engine.compile(graph), residents, seed, state);
  }

  get state(): TrainingState {
    return this.#state;
  }

  /**
   * Runs the next steps, at most the program's `stepsPerCall`.
   * @returns the loss of each step, before its update
   * @throws Cifar5mError `train/diverged` if a loss is not finite, or if gradients are not finite at any loss scale;
   *   `engine/wrong-size`, `engine/wrong-type` or `engine/missing-input` for a wrong number of steps or a wrong value of
   *   one. The state does not change.
   */
  async advance(steps: readonly StepInputs[]): Promise<Float32Array> {
    const { definition, carried } = this.program;
    const { stepsPerCall } = definition;
    if (steps.length < 1 || steps.length > stepsPerCall) {
      throw new Cifar5mError(
        "engine/wrong-size",
        `a call takes 1 to ${stepsPerCall} steps, got ${steps.length}. Split them into calls, or raise stepsPerCall.`,
      );
    }
    const results = await this.#executable.run(this.#feedsOf(steps));
    const losses = results["losses"]!.data as Float32Array;
    const [lossScale] = (results[`${lossScaleName}Next`]?.data ?? []) as Float32Array;
    requireFinite(losses, lossScale, this.#state.step);
    this.#state = {
      step: this.#state.step + steps.length,
      vectors: Object.fromEntries(carried.map((name) => [name, results[`${name}Next`]!.data as Float32Array])),
    };
    return losses;
  }

  async release(): Promise<void> {
    await this.#executable.release();
  }

  /** The inputs of a call of the training graph. */
  #feedsOf(steps: readonly StepInputs[]): Record<string, TensorData> {
    const { randoms, definition, carried } = this.program;
    const { numEmas = 1, stepsPerCall } = definition;
    const { step: stepsDone, vectors } = this.#state;
    const join = (name: string, shape: Shape, parts: readonly TensorArray[]) =>
      joinSteps(name, { dtype: "float32", shape }, stepsPerCall, parts);
    const scalars = (name: string, values: readonly number[]) =>
      join(
        name,
        [],
        values.map((value) => Float32Array.of(value)),
      );
    const feeds: Record<string, TensorData> = {
      ...this.#residents,
      numSteps: tensorData("int64", [], [steps.length]),
      learningRate: scalars(
        "learningRate",
        steps.map(({ learningRate }) => learningRate),
      ),
      stepNumber: scalars(
        "stepNumber",
        steps.map((_, index) => stepsDone + index + 1),
      ),
    };
    if (numEmas > 0) {
      const parts = steps.map(({ emaDecay }) =>
        typeof emaDecay === "number" ? new Float32Array(numEmas).fill(emaDecay) : Float32Array.from(emaDecay),
      );
      feeds["emaDecay"] = join("emaDecay", [numEmas], parts);
    }
    for (const [name, declaration] of Object.entries(definition.step)) {
      const parts = steps.map(({ values }) => values[name]);
      feeds[name] = joinSteps(name, declaration, stepsPerCall, parts);
    }
    randoms.forEach(({ name, kind, stream, shape }, index) => {
      const parts = steps.map((_, offset) => {
        const part = new Float32Array(sizeOf(shape));
        const source = { seed: this.#seed, stream, id: (stepsDone + offset) * randoms.length + index };
        (kind === "normal" ? fillFloat32Normals : fillUniforms)(source, part);
        return part;
      });
      feeds[name] = join(name, shape, parts);
    });
    for (const name of carried) {
      const data = vectors[name]!;
      feeds[name] = { dtype: "float32", shape: [data.length], data };
    }
    return feeds;
  }
}

/**
 * @param losses - of the steps that were just done
 * @param lossScale - after them; undefined for a training that does not scale its loss
 * @param stepsDone - before them
 * @throws Cifar5mError `train/diverged`
 */
function requireFinite(losses: Float32Array, lossScale: number | undefined, stepsDone: number): void {
  const bad = losses.findIndex((loss) => !Number.isFinite(loss));
  if (bad >= 0) {
    throw new DivergedError(`the loss of step ${stepsDone + bad + 1} is ${losses[bad]}`);
  }
  if (lossScale !== undefined && lossScale < leastLossScale) {
    throw new DivergedError(`up to step ${stepsDone + losses.length} gradients were not finite at any loss scale`, {
      remedy: "a lower learning rate or precision float32",
    });
  }
}
