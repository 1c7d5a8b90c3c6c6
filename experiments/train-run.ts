import { closeAll } from "../core/close-all.ts";
import { createEngine } from "../engine/create-engine.ts";
import type { Execution } from "../engine/executor.ts";
import type { Weights } from "../engine/parameters/constant-scope.ts";
import { unflattenParameters } from "../engine/parameters/parameters.ts";
import { runTraining, type TrainingProgress, type TrainingStore } from "../engine/training/run-training.ts";
import type { TrainingProgram } from "../engine/training/training-program.ts";
import { stateFromWeights, type TrainingState } from "../engine/training/training-state.ts";
import { type Batch, type ImageArray, labelProbabilities } from "../shards/index.ts";
import { evaluationSteps } from "./evaluation-steps.ts";
import { Evaluator } from "./evaluator.ts";
import { trainSetName } from "./experiment-data.ts";
import { buildExperimentProgram } from "./experiment-program.ts";
import { learningRateAt } from "./learning-rate.ts";
import type { Metrics } from "./metrics.ts";
import { rotateImages } from "./rotate-images.ts";
import type { PretrainingOptions, RunOptions } from "./run-options.ts";
import { batchesFrom, type EvaluationSet, type TrainSource } from "./worlds.ts";

/** Number of quarter turns in the rotation task. */
const numTurns = 4;
const stepsPerCheckpoint = 100;
/** Prefix of the last layer's name in every network. */
const headPrefix = "head.";

/** Metrics of one set of images after some steps. */
export interface MetricsRow extends Metrics {
  readonly step: number;
  /** `train`, `test`, or the name of a further data set. */
  readonly set: string;
}

/** A finished training. */
export interface FinishedRun {
  readonly rows: readonly MetricsRow[];
  /** The final weights and running statistics by name. */
  readonly weights: Weights;
}

/** What to train, and on which data. */
export interface RunTask {
  readonly hash: string;
  readonly options: RunOptions;
  /** `rotation` needs images of bytes: see `servesBytes`. */
  readonly task: PretrainingOptions["task"];
  readonly source: TrainSource;
  readonly evaluationSets: readonly EvaluationSet[];
  readonly initialWeights: Weights | undefined;
  readonly store: TrainingStore;
  /** Called with the metrics of a step, once for each step. */
  readonly onMetrics?: (step: number, rows: readonly MetricsRow[]) => Promise<void>;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: TrainingProgress) => void;
}

/**
 * Trains one network in one world, or continues an interrupted training. On the CPU an interrupted and resumed run has
 * the same curve bit for bit, if the number of threads is the same.
 * @param execution - without a seed, which is one of the options of a run
 * @throws Cifar5mError `train/diverged`, `interrupted`; `loader/…`, `shard/…`
 */
export async function trainRun(run: RunTask, execution: Execution): Promise<FinishedRun> {
  const { options, source, evaluationSets, initialWeights } = run;
  const isOfHead = (name: string) => name.startsWith(headPrefix);
  const numClasses = run.task === "rotation" ? numTurns : source.train.classNames.length;
  const program = buildExperimentProgram(options, numClasses, { scalesLoss: execution.precision === "mixed" });
  const engine = await createEngine(execution.engine, execution);
  const evaluator = await Evaluator.create(program, engine, { numClasses, loss: options.loss });
  const batches = new BatchCursor(source, options);
  let rows: MetricsRow[] = [];
  try {
    const state = await runTraining({
      program: program.training,
      engine,
      seed: options.seed,
      residents: {},
      batchSize: options.batchSize,
      totalSteps: options.steps,
      inputsOf: async (step) => {
        const batch = await batches.at(step);
        const labels =
          run.task === "rotation" ? rotateImages(batch.images as Uint8Array, options.seed, step) : batch.labels;
        return {
          learningRate: learningRateAt(step, options.steps, options.learningRate, options.schedule),
          emaDecay: [],
          values: { images: batch.images, targets: labelProbabilities({ ...batch, labels }, numClasses) },
        };
      },
      start: initialWeights && (() => stateFromWeights(program.training, options.seed, initialWeights, isOfHead)),
      store: run.store,
      stepsPerCheckpoint,
      evaluateAt: evaluationSteps(options.steps, options.evaluation),
      onEvaluate: async (current) => {
        const { step } = current;
        const measured: MetricsRow[] = [];
        for (const set of evaluationSets) {
          measured.push({ step, set: set.name, ...(await evaluator.evaluate(current, set)) });
        }
        rows.push(...measured);
        await run.onMetrics?.(step, measured);
      },
      shouldStop: () =>
        (rows.findLast(({ set }) => set === trainSetName)?.loss ?? Number.POSITIVE_INFINITY) < options.stopBelow,
      extraState: {
        save: () => JSON.stringify(rows),
        load: (text) => {
          rows = JSON.parse(text);
        },
      },
      fingerprint: run.hash,
      signal: run.signal,
      onProgress: run.onProgress,
    });
    return { rows, weights: weightsOf(program.training, state) };
  } finally {
    await closeAll(batches, evaluator);
  }
}

/** Hands out batches in order, starting at the step that is requested first. */
class BatchCursor {
  readonly #source: TrainSource;
  readonly #options: RunOptions;
  #batches: AsyncIterator<Batch<ImageArray>> | undefined;

  constructor(source: TrainSource, options: RunOptions) {
    this.#source = source;
    this.#options = options;
  }

  async at(step: number): Promise<Batch<ImageArray>> {
    this.#batches ??= batchesFrom(this.#source, this.#options, step)[Symbol.asyncIterator]();
    const { value, done } = await this.#batches.next();
    if (done === true || value.step !== step) throw new Error(`the loader has no batch for step ${step}`);
    return value;
  }

  async close(): Promise<void> {
    await this.#batches?.return?.();
  }
}

function weightsOf(program: TrainingProgram, { vectors }: TrainingState): Weights {
  return new Map([
    ...unflattenParameters(program.parameters, vectors["parameters"]!),
    ...(program.states.length === 0 ? [] : unflattenParameters(program.states, vectors["states"]!)),
  ]);
}
