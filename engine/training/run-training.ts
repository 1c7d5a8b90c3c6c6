import { Cifar5mError, hasCode } from "../../core/errors.ts";
import type { Engine } from "../executor.ts";
import type { TensorData } from "../graph/tensor.ts";
import { readSafetensors, writeSafetensors } from "../parameters/safetensors.ts";
import { DivergedError } from "./diverged-error.ts";
import { type StepInputs, Trainer } from "./trainer.ts";
import type { TrainingProgram } from "./training-program.ts";
import { initialState, type TrainingState } from "./training-state.ts";

/** Storage for the checkpoints and the log of a training. The pipeline passes one that writes files atomically. */
export interface TrainingStore {
  /** The newest checkpoint, or undefined if there is none. */
  load(): Promise<Uint8Array | undefined>;
  save(checkpoint: Uint8Array, step: number): Promise<void>;
  /** Adds a line to the loss log. A resumed training writes the lines after its checkpoint again. */
  log(line: { readonly step: number } & Readonly<Record<string, number>>): Promise<void>;
}

/** How far a training is. */
export interface TrainingProgress {
  /** Images that it has seen. */
  readonly images: number;
  /** Number of these images that were seen before this call, up to the checkpoint that it continues from. */
  readonly imagesBefore: number;
  /** Images that it will have seen at its end, unless it ends early. */
  readonly imagesInAll: number;
  /** Mean over the steps since the last report. */
  readonly loss: number;
}

/** A decoded checkpoint. */
export interface LoadedCheckpoint {
  readonly state: TrainingState;
  /** The text that was saved with the state. */
  readonly extraState: string;
  /** The one that it was saved with. */
  readonly fingerprint: string;
}

export interface TrainingRun {
  readonly program: TrainingProgram;
  readonly engine: Engine;
  readonly seed: number;
  readonly residents: Readonly<Record<string, TensorData>>;
  readonly batchSize: number;
  readonly totalSteps: number;
  /** Learning rate, EMA decay and values of a step, counted from 0. A pure function, so that a resumed run is the same. */
  readonly inputsOf: (step: number) => StepInputs | Promise<StepInputs>;
  /** Makes the state before the first step, if it is not the program's initial state; not called where a checkpoint is. */
  readonly start?: (() => TrainingState) | undefined;
  readonly store: TrainingStore;
  readonly stepsPerCheckpoint: number;
  /** Identifies architecture, options and data. A checkpoint with another fingerprint is refused. */
  readonly fingerprint: string;
  /** The result of `loadCheckpoint`, if the caller needed it before; otherwise this function loads it. */
  readonly checkpoint?: LoadedCheckpoint | undefined;
  /** Steps after which `onEvaluate` is called, in ascending order. If a checkpoint is due then, it is saved after the call. */
  readonly evaluateAt?: readonly number[];
  readonly onEvaluate?: (state: TrainingState) => Promise<void>;
  /** Whether to end the training early; checked after every call of the program. */
  readonly shouldStop?: () => boolean;
  /** Text that is saved with each checkpoint, and passed back when a checkpoint is loaded. */
  readonly extraState?: { readonly save: (step: number) => string; readonly load: (text: string) => void };
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: TrainingProgress) => void) | undefined;
  /** Called after each checkpoint, for example to save sample images. */
  readonly onCheckpoint?: ((state: TrainingState) => Promise<void>) | undefined;
}

/**
 * The newest checkpoint of a training, or undefined if there is none.
 * @throws Cifar5mError `train/config-changed` for a checkpoint of another run
 */
export async function loadCheckpoint({
  store,
  fingerprint,
  earlier = [],
}: Pick<TrainingRun, "store" | "fingerprint"> & {
  /** Fingerprints that earlier releases gave the same training; none by default. */
  readonly earlier?: readonly string[];
}): Promise<LoadedCheckpoint | undefined> {
  const saved = await store.load();
  return saved === undefined ? undefined : decodeState(saved, [fingerprint, ...earlier]);
}

/**
 * Trains from the newest checkpoint, or from the beginning, to the last step. On the CPU, a run that was interrupted and
 * resumed ends with the same weights, bit for bit.
 * @returns the final state
 * @throws Cifar5mError `train/config-changed` for a checkpoint of another run; `train/diverged` if a loss or a state is
 *   not finite, and then that state is not saved; `interrupted` after the signal, once a checkpoint is saved
 */
export async function runTraining(run: TrainingRun): Promise<TrainingState> {
  const { program, totalSteps, store } = run;
  const resumed = run.checkpoint ?? (await loadCheckpoint(run));
  const state = resumed?.state ?? run.start?.() ?? initialState(program, run.seed);
  if (resumed !== undefined) run.extraState?.load(resumed.extraState);
  else if (run.evaluateAt?.[0] === 0) await run.onEvaluate?.(state);
  const isOver = ({ step }: TrainingState) => step >= totalSteps || run.shouldStop?.() === true;
  if (isOver(state)) return state;
  const trainer = await Trainer.create({ ...run, state });
  let savedStep = state.step;
  const save = async () => {
    const { step } = trainer.state;
    await store.save(encodeState(trainer.state, run.fingerprint, run.extraState?.save(step) ?? ""), step);
    savedStep = step;
    await run.onCheckpoint?.(trainer.state);
  };
  try {
    while (!isOver(trainer.state)) {
      if (run.signal?.aborted) {
        if (trainer.state.step > savedStep) await save();
        throw new Cifar5mError(
          "interrupted",
          `stopped after step ${savedStep} of ${totalSteps}. Run again to continue.`,
        );
      }
      const { step } = trainer.state;
      const nextSave = (Math.floor(step / run.stepsPerCheckpoint) + 1) * run.stepsPerCheckpoint;
      const nextEvaluation = run.evaluateAt?.find((at) => at > step) ?? Number.POSITIVE_INFINITY;
      const end = Math.min(step + program.definition.stepsPerCall, nextSave, nextEvaluation, totalSteps);
      const started = performance.now();
      const inputs: StepInputs[] = [];
      for (let next = step; next < end; next++) inputs.push(await run.inputsOf(next));
      const losses = await trainer.advance(inputs);
      const seconds = (performance.now() - started) / 1000;
      const loss = losses.reduce((total, value) => total + value, 0) / losses.length;
      const imagesPerSecond = (losses.length * run.batchSize) / seconds;
      await store.log({ step: end, loss, learningRate: inputs.at(-1)!.learningRate, imagesPerSecond });
      run.onProgress?.({
        images: end * run.batchSize,
        imagesBefore: state.step * run.batchSize,
        imagesInAll: totalSteps * run.batchSize,
        loss,
      });
      if (end === nextEvaluation) await run.onEvaluate?.(trainer.state);
      if (end === nextSave || isOver(trainer.state)) await save();
    }
    return trainer.state;
  } finally {
    await trainer.release();
  }
}

/** Encodes a state. It checks that all numbers are finite, because an update can overflow after a finite loss. */
function encodeState({ step, vectors }: TrainingState, fingerprint: string, extraState: string): Uint8Array {
  const tensors = new Map(Object.entries(vectors).map(([name, data]) => [name, { shape: [data.length], data }]));
  try {
    return writeSafetensors({ tensors, metadata: { step: String(step), fingerprint, notes: extraState } }, "F32");
  } catch (thrown) {
    if (!hasCode(thrown, "weights/not-finite")) throw thrown;
    throw new DivergedError(`after step ${step} not all numbers of the training are finite`, { cause: thrown });
  }
}

function decodeState(file: Uint8Array, accepted: readonly string[]): LoadedCheckpoint {
  const { tensors, metadata } = readSafetensors(file, "the checkpoint");
  const fingerprint = metadata["fingerprint"] ?? "";
  if (!accepted.includes(fingerprint)) {
    throw new Cifar5mError(
      "train/config-changed",
      `the checkpoint is of a run with other options or data: ${fingerprint}, now ${accepted[0]}. ` +
        "Use the options of the interrupted run, or another run folder.",
    );
  }
  const vectors = Object.fromEntries([...tensors].map(([name, { data }]) => [name, data]));
  return { state: { step: Number(metadata["step"]), vectors }, extraState: metadata["notes"] ?? "", fingerprint };
}
