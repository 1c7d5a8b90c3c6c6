import { join } from "node:path";
import type { Unit } from "./units.ts";

/** The stages that leave receipts, in the order of the data. */
export const receiptStages = [
  "fetch",
  "train-generator",
  "train-labeler",
  "sample",
  "label",
  "fingerprint",
  "search",
  "dedup",
  "publish",
  "import",
] as const;
export type ReceiptStage = (typeof receiptStages)[number];

/** The file format of a model: weights trained here, or a whole model from elsewhere. */
export type ModelFormat = "safetensors" | "onnx";

/** The two models of a run. */
export type ModelName = "generator" | "labeler";

/** The paths of a run folder. No other module knows them. */
export interface RunFolder {
  readonly root: string;
  /** The pinned configuration. */
  readonly config: string;
  /** One of the sizes that the set has grown to: 1 for the first growth. */
  growth(step: number): string;
  /** The batch size that was chosen for the run's sampler. */
  readonly batchSize: string;
  /** How fast a task makes images; see speed.ts. */
  readonly speed: string;
  /** Scripts, logs and job ids of a cluster's scheduler. */
  readonly submit: string;
  /** CIFAR-10 in the official binary layout. */
  readonly cifar10: string;
  /** An unfinished download. */
  readonly download: string;
  /** Path of a model, `safetensors` by default; `modelPath` finds the right format. */
  model(name: ModelName, format?: ModelFormat): string;
  modelConfig(name: ModelName): string;
  /** Checkpoints and logs of a training. */
  training(name: ModelName): string;
  /** uint8, shape [unit size, 32, 32, 3]. */
  samples(unit: Unit): string;
  /** float32 little endian, shape [unit size, 10]. */
  probabilities(unit: Unit): string;
  /** 16 bytes an image; see fingerprint.ts. */
  fingerprints(unit: Unit): string;
  /** The copies that a search found in one bucket of fingerprints; see copy-list.ts. */
  copies(bucket: string): string;
  /** JSON lines; see removals.ts. */
  removals(unit: Unit): string;
  readonly dataset: string;
  shard(unit: Unit): string;
  readonly manifest: string;
  readonly contactSheet: string;
  /** Scores of the data set: figures as JSON and as text, and a picture of nearest train images. */
  readonly score: Readonly<Record<"json" | "markdown" | "neighbours", string>>;
  /** The report of an audit, a picture of the nearest pairs, and one of the images most likely mislabeled. */
  readonly audit: Readonly<Record<"json" | "picture" | "labels", string>>;
  /** Quality of a generator over its cost: figures, and a plot of them. */
  readonly generatorScore: Readonly<Record<"json" | "svg" | "png", string>>;
  /** Intermediate results of long scorings: features of CIFAR-10, classifiers, images of compared generators. */
  readonly scoring: string;
  receipt(stage: ReceiptStage, name: string): string;
  /** Every folder that files are committed into. Killed writers may have left temporary files there. */
  readonly directories: readonly string[];
  /** The subfolders of a name in the folders that hold files of units; empty for no name. */
  subfolders(name: string): readonly string[];
}

/** The paths of the run folder at `root`. Nothing is read or written. */
export function runFolderAt(root: string): RunFolder {
  return {
    root,
    config: join(root, "run.json"),
    growth: (step) => join(root, "growth", `${String(step).padStart(5, "0")}.json`),
    batchSize: join(root, "batch-size.json"),
    speed: join(root, "speed.json"),
    submit: join(root, "submit"),
    cifar10: join(root, "cifar-10"),
    download: join(root, "cifar-10", "cifar-10-binary.tar.gz.part"),
    model: (name, format = "safetensors") => join(root, "models", `${name}.${format}`),
    modelConfig: (name) => join(root, "models", `${name}.config.json`),
    training: (name) => join(root, "models", `${name}-training`),
    samples: (unit) => join(root, "samples", `${unit.name}.u8`),
    probabilities: (unit) => join(root, "labels", `${unit.name}.f32`),
    fingerprints: (unit) => join(root, "dedup", "fingerprints", `${unit.name}.bin`),
    copies: (bucket) => join(root, "dedup", "copies", `${bucket}.bin`),
    removals: (unit) => join(root, "dedup", "removals", `${unit.name}.jsonl`),
    dataset: join(root, "dataset"),
    shard: (unit) => join(root, "dataset", unit.shardFile),
    manifest: join(root, "dataset", "manifest.json"),
    contactSheet: join(root, "contact-sheet.png"),
    score: {
      json: join(root, "score.json"),
      markdown: join(root, "score.md"),
      neighbours: join(root, "score-neighbours.png"),
    },
    audit: {
      json: join(root, "audit.json"),
      picture: join(root, "audit.png"),
      labels: join(root, "audit-labels.png"),
    },
    generatorScore: {
      json: join(root, "generator-score.json"),
      svg: join(root, "generator-score.svg"),
      png: join(root, "generator-score.png"),
    },
    scoring: join(root, "scoring"),
    receipt: (stage, name) => join(root, "receipts", stage, `${name}.json`),
    directories: [
      root,
      ...["cifar-10", "growth", "models", "samples", "labels", "dataset", "submit"].map((name) => join(root, name)),
      ...["fingerprints", "copies", "removals"].map((name) => join(root, "dedup", name)),
      ...["train", "test"].map((name) => join(root, "dataset", name)),
      ...receiptStages.map((stage) => join(root, "receipts", stage)),
    ],
    subfolders: (name) =>
      name === ""
        ? []
        : [
            ...["samples", "labels"].map((folder) => join(root, folder, name)),
            ...["fingerprints", "removals"].map((folder) => join(root, "dedup", folder, name)),
            ...receiptStages.map((stage) => join(root, "receipts", stage, name)),
          ],
  };
}
