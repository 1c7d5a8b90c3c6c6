import { formatCount } from "../../core/format.ts";
import { quoteWord } from "../../core/quote-word.ts";
import { type Identity, readPinnedConfig } from "../../storage/pin-config.ts";
import { fileExists } from "../../storage/read-file.ts";
import { isTrainedIn, newestCheckpoint } from "../../storage/training-store.ts";
import { tuningSections } from "./config.ts";
import type { ModelName, RunFolder } from "./run-folder.ts";

/** A training that has begun and has not ended. */
export interface UnfinishedTraining {
  readonly name: ModelName;
  /** Images that the model has seen at the newest checkpoint. */
  readonly images: number;
  /** Images that it is to see; undefined if nothing says so. */
  readonly imagesInAll: number | undefined;
  /** Whether a process is at work on it. */
  readonly isUnderWay: boolean;
  /** The command that goes on with it. */
  readonly command: string;
}

/**
 * Finds the trainings of a run that have made a checkpoint and no model yet. It writes nothing.
 * @throws Cifar5mError `json/corrupt`, `run/unreadable`, `disk/…`
 */
export async function findUnfinishedTrainings(folder: RunFolder): Promise<UnfinishedTraining[]> {
  const found = await Promise.all((["generator", "labeler"] as const).map((name) => findUnfinished(folder, name)));
  return found.filter((training) => training !== undefined);
}

/** The training of one model, as `findUnfinishedTrainings` finds it; undefined if there is none. */
export async function findUnfinished(folder: RunFolder, name: ModelName): Promise<UnfinishedTraining | undefined> {
  const files = folder.training(name);
  const step = await newestCheckpoint(files);
  if (step === undefined) return undefined;
  for (const path of [folder.receipt(`train-${name}`, name), folder.model(name)]) {
    if (await fileExists(path)) return undefined;
  }
  const pinned = (await readPinnedConfig(folder.modelConfig(name))) ?? {};
  const method = Object.entries(tuningSections).find(([, section]) => section in pinned);
  const options = (pinned[method?.[1] ?? "options"] ?? {}) as Identity;
  const { batchSize, numImages } = options;
  return {
    name,
    images: typeof batchSize === "number" ? step * batchSize : 0,
    imagesInAll: typeof numImages === "number" ? numImages : undefined,
    isUnderWay: await isTrainedIn(files),
    command: [
      `cifar5m train ${name} ${quoteWord(folder.root)}`,
      ...("initialWeights" in pinned ? ["--init FILE"] : []),
      ...(method === undefined ? [] : [`--tune ${method[0]}`]),
    ].join(" "),
  };
}

/** `12,800 of 5,000,000 images` */
export function describeTrained({ images, imagesInAll }: UnfinishedTraining): string {
  return `${formatCount(images)}${imagesInAll === undefined ? "" : ` of ${formatCount(imagesInAll)}`} images`;
}

/** ``Go on with `cifar5m train generator runs/mine`, or end it soon with --finish`` */
export function adviseUnfinished({ name, command }: UnfinishedTraining): string {
  const canFinish = name === "generator" && !command.includes("--tune");
  return `Go on with \`${command}\`${canFinish ? " (with --finish, to end it soon)" : ""}`;
}
