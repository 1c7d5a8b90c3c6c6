import { join } from "node:path";

/** The paths of an experiment's folder. */
export function experimentFolderAt(root: string) {
  return {
    root,
    /** The resolved experiment file. */
    config: join(root, "experiment.json"),
    results: join(root, "results.arrow"),
    /** The page and its figures. */
    report: join(root, "report"),
    /** Scalars of a training and its metrics, for TensorBoard. They stay when the training is done. */
    events: (id: string) => join(root, "runs", id),
    /** Checkpoints and the loss log of a training. */
    training: (id: string) => join(root, "runs", id, "training"),
    /** Metrics of a finished run. */
    metrics: (id: string) => join(root, "runs", id, "metrics.arrow"),
    /** Weights of a finished pretraining. */
    weights: (id: string) => join(root, "runs", id, "weights.safetensors"),
    receipt: (id: string) => join(root, "runs", id, "receipt.json"),
    /** Why a run failed. */
    failure: (id: string) => join(root, "runs", id, "failed.json"),
  } as const;
}

export type ExperimentFolder = ReturnType<typeof experimentFolderAt>;
