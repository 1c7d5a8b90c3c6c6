import { type BuildSources, buildSteps } from "../../pipeline/build.ts";
import { fetchCifar10 } from "../../pipeline/cifar-10/fetch.ts";
import type { ModelRuntime } from "../../pipeline/models/model-runtime.ts";
import { type PartialConfig, resolveConfig } from "../../pipeline/run/config.ts";
import { type RunFolder, runFolderAt } from "../../pipeline/run/run-folder.ts";
import type { StageContext } from "../../pipeline/run/stage.ts";
import type { Step } from "../../pipeline/run/step.ts";
import { recordsPerFile } from "./make-cifar-10.ts";

/** A context that counts into a map. */
export function testContext(worker: { readonly rank?: number; readonly worldSize?: number } = {}): StageContext & {
  readonly counts: ReadonlyMap<string, number>;
} {
  const counts = new Map<string, number>();
  return {
    rank: worker.rank ?? 0,
    worldSize: worker.worldSize ?? 1,
    signal: new AbortController().signal,
    counts,
    count: (name, by) => counts.set(name, (counts.get(name) ?? 0) + by),
    show: () => undefined,
  };
}

/** The configuration of a small test build: 5 units. */
export const smallConfig = {
  count: 50,
  testCount: 21,
  unitSize: 17,
  recordsPerFile,
  sampler: { batchSize: 4 },
  labeling: { batchSize: 5 },
} satisfies PartialConfig;

/** The configuration of many tiny units, so that kills hit commits: 30 units of one or two images. */
export const tinyUnitsConfig = { count: 40, testCount: 19, unitSize: 2, recordsPerFile } satisfies PartialConfig;

/** Runs a build to its end. @returns the counters */
export async function runBuild(options: {
  readonly root: string;
  readonly runtime: ModelRuntime;
  readonly sources: BuildSources;
  readonly config?: PartialConfig;
  readonly context?: ReturnType<typeof testContext>;
}): Promise<ReadonlyMap<string, number>> {
  const { root, runtime, sources } = options;
  const context = options.context ?? testContext();
  const config = resolveConfig(options.config ?? smallConfig);
  await runSteps(buildSteps({ folder: runFolderAt(root), config, runtime, takeOver: true }, sources), context);
  return context.counts;
}

/** Runs steps one after the other. */
export async function runSteps(steps: readonly Step[], context: StageContext): Promise<void> {
  for (const step of steps) {
    for await (const _ of step.run(context)) context.signal.throwIfAborted();
  }
}

/** Puts the synthetic CIFAR-10 at `data` into a run. */
export async function fetchInto(folder: RunFolder, data: string): Promise<void> {
  for await (const _ of fetchCifar10({ folder, data, recordsPerFile }, testContext()));
}
