import { joinPath } from "../../storage/join-path.ts";
import type { Unit } from "./units.ts";

/** The stages that leave receipts, in the order of the data. */
const receiptStages = [
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
  /** Exists while a worker replaces the manifest. */
  readonly manifestLock: string;
  readonly contactSheet: string;
  /** Scores of the data set: figures as JSON and as text, and a picture of nearest train images. */
  readonly score: Readonly<Record<"json" | "markdown" | "neighbors", string>>;
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
    config: joinPath(root, "run.json"),
    growth: (step) => joinPath(root, "growth", `${String(step).padStart(5, "0")}.json`),
    batchSize: joinPath(root, "batch-size.json"),
    speed: joinPath(root, "speed.json"),
    submit: joinPath(root, "submit"),
    cifar10: joinPath(root, "cifar-10"),
    download: joinPath(root, "cifar-10", "cifar-10-binary.tar.gz.part"),
    model: (name, format = "safetensors") => joinPath(root, "models", `${name}.${format}`),
    modelConfig: (name) => joinPath(root, "models", `${name}.config.json`),
    training: (name) => joinPath(root, "models", `${name}-training`),
    samples: (unit) => joinPath(root, "samples", `${unit.name}.u8`),
    probabilities: (unit) => joinPath(root, "labels", `${unit.name}.f32`),
    fingerprints: (unit) => joinPath(root, "dedup", "fingerprints", `${unit.name}.bin`),
    copies: (bucket) => joinPath(root, "dedup", "copies", `${bucket}.bin`),
    removals: (unit) => joinPath(root, "dedup", "removals", `${unit.name}.jsonl`),
    dataset: joinPath(root, "dataset"),
    shard: (unit) => joinPath(root, "dataset", unit.shardFile),
    manifest: joinPath(root, "dataset", "manifest.json"),
    manifestLock: joinPath(root, "manifest.lock"),
    contactSheet: joinPath(root, "contact-sheet.png"),
    score: {
      json: joinPath(root, "score.json"),
      markdown: joinPath(root, "score.md"),
      neighbors: joinPath(root, "score-neighbors.png"),
    },
    audit: {
      json: joinPath(root, "audit.json"),
      picture: joinPath(root, "audit.png"),
      labels: joinPath(root, "audit-labels.png"),
    },
    generatorScore: {
      json: joinPath(root, "generator-score.json"),
      svg: joinPath(root, "generator-score.svg"),
      png: joinPath(root, "generator-score.png"),
    },
    scoring: joinPath(root, "scoring"),
    receipt: (stage, name) => joinPath(root, "receipts", stage, `${name}.json`),
    directories: [
      root,
      ...["cifar-10", "growth", "models", "samples", "labels", "dataset", "submit"].map((name) => joinPath(root, name)),
      ...["fingerprints", "copies", "removals"].map((name) => joinPath(root, "dedup", name)),
      ...["train", "test"].map((name) => joinPath(root, "dataset", name)),
      ...receiptStages.map((stage) => joinPath(root, "receipts", stage)),
    ],
    subfolders: (name) =>
      name === ""
        ? []
        : [
            ...["samples", "labels"].map((folder) => joinPath(root, folder, name)),
            ...["fingerprints", "removals"].map((folder) => joinPath(root, "dedup", folder, name)),
            ...receiptStages.map((stage) => joinPath(root, "receipts", stage, name)),
          ],
  };
}
