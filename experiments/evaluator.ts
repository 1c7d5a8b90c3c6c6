import { imageBytes } from "../core/image-layout.ts";
import type { Engine, Executable } from "../engine/executor.ts";
import type { TrainingState } from "../engine/training/training-state.ts";
import { type ExperimentProgram, evaluationBatchSize } from "./experiment-program.ts";
import { type Metrics, metricsOf } from "./metrics.ts";
import type { RunOptions } from "./run-options.ts";
import type { EvaluationSet } from "./worlds.ts";

/** Evaluates a network during its training. */
export class Evaluator {
  readonly #executable: Executable;
  readonly #numClasses: number;
  readonly #loss: RunOptions["loss"];

  private constructor(executable: Executable, numClasses: number, loss: RunOptions["loss"]) {
    this.#executable = executable;
    this.#numClasses = numClasses;
    this.#loss = loss;
  }

  static async create(
    program: ExperimentProgram,
    engine: Engine,
    { numClasses, loss }: { readonly numClasses: number; readonly loss: RunOptions["loss"] },
  ): Promise<Evaluator> {
    return new Evaluator(await engine.compile(program.evaluation), numClasses, loss);
  }

  /** Metrics of the current weights, not of their EMA. */
  async evaluate(state: TrainingState, { images, labels }: EvaluationSet): Promise<Metrics> {
    const logits = new Float32Array(labels.length * this.#numClasses);
    const vectors = ["parameters", "states"].flatMap((name) => {
      const data = state.vectors[name];
      return data === undefined ? [] : [[name, { dtype: "float32", shape: [data.length], data }] as const];
    });
    for (let start = 0; start < labels.length; start += evaluationBatchSize) {
      const end = Math.min(start + evaluationBatchSize, labels.length);
      const data = new Uint8Array(evaluationBatchSize * imageBytes);
      data.set(images.subarray(start * imageBytes, end * imageBytes));
      const { result } = await this.#executable.run({
        ...Object.fromEntries(vectors),
        images: { dtype: "uint8", shape: [evaluationBatchSize, 32, 32, 3], data },
      });
      const rows = (result!.data as Float32Array).subarray(0, (end - start) * this.#numClasses);
      logits.set(rows, start * this.#numClasses);
    }
    return metricsOf(logits, labels, this.#numClasses, this.#loss);
  }

  async close(): Promise<void> {
    await this.#executable.release();
  }
}
