import { uploadDataset } from "../../shards/index.ts";
import { requireTarget } from "../../shards/publish/open-target.ts";
import type { Step, StepOptions } from "../run/step.ts";

/**
 * Publishes the run's finished data set elsewhere.
 * @param to - `s3://bucket/prefix`, or a folder
 * @throws Cifar5mError `store/bad-location`, before any work is done
 */
export function uploadStep(options: Pick<StepOptions, "folder" | "config">, to: string): Step {
  const { folder, config } = options;
  requireTarget(to);
  return {
    name: "upload",
    total: config.count + config.testCount,
    async *run(context) {
      yield await uploadDataset({
        directory: folder.dataset,
        to,
        share: { rank: context.rank, worldSize: context.worldSize },
        signal: context.signal,
        onShard: ({ entry, outcome }) =>
          context.count(outcome === "kept" ? "upload/kept" : "upload/images", entry.idEnd - entry.idStart),
      });
    },
  };
}
