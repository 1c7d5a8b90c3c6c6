import { Cifar5mError } from "../../core/errors.ts";
import type { TrainingProgress } from "../../engine/training/run-training.ts";
import { removeFile } from "../../storage/file-facts.ts";
import { repinConfig } from "../../storage/pin-config.ts";
import { cleanFinishedTraining, hasCheckpoint, withTraining } from "../../storage/training-store.ts";
import { readCifar10 } from "../cifar-10/read-cifar-10.ts";
import { requireNoDataset } from "../run/require-no-dataset.ts";
import type { StageContext } from "../run/stage.ts";
import { trainingCounter } from "../run/training-counter.ts";
import type { ModelRuntime, TrainedModel, TrainingTask } from "./model-runtime.ts";
import { pinModel, readModelReceipt, trainingStageOf, writeModel } from "./models.ts";
import { planTraining, type TrainingPlan, type TrainingRequest } from "./plan-training.ts";
import { generatorFilesOf, renderLoss, trainingStoreOf } from "./training-files.ts";

/** A training, and what does it. */
export interface ModelTraining extends TrainingRequest {
  readonly runtime: ModelRuntime;
  /** Whether the learning rate of a generator's training falls from now on, so that the training ends soon. */
  readonly finish?: boolean | undefined;
}

/**
 * Trains a model on the run's CIFAR-10, or continues an interrupted training. A finished model is left alone.
 * @returns figures to show; empty if nothing was done
 * @throws Cifar5mError `run/config-changed`, `run/data-missing`, `run/not-rank-zero`, `train/finished` if more images
 *   are requested than the model has seen; `train/under-way`; what the training throws
 */
export async function trainModel(
  options: ModelTraining,
  context: StageContext,
): Promise<Readonly<Record<string, number>>> {
  const { folder, name } = options;
  await requireNoDataset(folder);
  const plan = await planTraining(options);
  if (plan.isFinished) {
    await pinModel(folder, name, plan.pinnedFirst);
    await cleanFinishedTraining(folder.training(name));
    return {};
  }
  if (context.rank !== 0) {
    throw new Cifar5mError(
      "run/not-rank-zero",
      `${folder.model(name)} must be trained first, by rank 0; this is rank ${context.rank}. Run \`cifar5m train ${name}\` once.`,
    );
  }
  // Planned again, as things are once no other process is at work.
  return await withTraining(folder.training(name), context, async () =>
    trainAsPlanned(await planTraining(options), options, context),
  );
}

async function trainAsPlanned(
  plan: TrainingPlan,
  options: ModelTraining,
  context: StageContext,
): Promise<Readonly<Record<string, number>>> {
  const { folder, name, config } = options;
  if (plan.isFinished) return {};
  const cifar10 = await readCifar10(folder.cifar10, config.recordsPerFile);
  await pinModel(folder, name, plan.pinnedFirst);
  const files = folder.training(name);
  const { batchSize } = config[plan.section];
  const store = trainingStoreOf(files, {
    batchSize,
    onAccepted: async () => {
      if (plan.grows) await repinConfig(folder.modelConfig(name), plan.identity);
    },
  });
  const count = trainingCounter(context, trainingStageOf(name));
  // A training that is told to finish ends earlier than planned.
  const onProgress = (progress: TrainingProgress) => {
    context.expect?.(progress.imagesInAll);
    count(progress);
  };
  try {
    const { weights, figures } = await train(plan, options, {
      config,
      ...cifar10,
      store,
      signal: context.signal,
      onProgress,
    });
    // Renders the loss once more, for a training that was interrupted after its last checkpoint.
    await renderLoss(files, batchSize);
    await writeModel({ folder, name, bytes: weights, identity: plan.identity });
    return figures;
  } catch (thrown) {
    // The first error is the one to report.
    await releaseUnbegun(options).catch(() => undefined);
    throw thrown;
  }
}

function train(
  { section, initialWeights, tuning }: TrainingPlan,
  { folder, config, runtime, finish = false }: ModelTraining,
  task: TrainingTask,
): Promise<TrainedModel> {
  if (section === "labeler") return runtime.train.labeler(task);
  const files = generatorFilesOf(folder.training("generator"), config[section]);
  return runtime.train.generator({ ...task, ...files, initialWeights, tune: tuning, finish });
}

/** Before the first checkpoint, the options of a training do not bind the run. Those of a model that it has do. */
async function releaseUnbegun({ folder, name }: TrainingRequest): Promise<void> {
  if (await hasCheckpoint(folder.training(name))) return;
  if ((await readModelReceipt(folder, name)) === undefined) await removeFile(folder.modelConfig(name));
}
