import { posix } from "node:path";
import * as z from "zod";
import { Cifar5mError } from "../core/errors.ts";
import { requireModelFiles } from "../pipeline/build.ts";
import { resourcesOf } from "../pipeline/cluster/cluster-jobs.ts";
import { applyLines, jobManifests, jobSetManifest, runNameOf } from "../pipeline/cluster/kubernetes/manifests.ts";
import { requireTasks } from "../pipeline/cluster/submission-record.ts";
import { planUnits } from "../pipeline/run/units.ts";
import { requireTarget } from "../shards/publish/open-target.ts";
import { isLocation } from "../storage/join-path.ts";
import { isBucket } from "../storage/object-files.ts";
import { parseS3Location } from "../storage/parse-location.ts";
import { clusterOptions, countGpus, jobsWithArguments, parseMemory } from "./cli/cluster-options.ts";
import { defineCommand, type Session } from "./cli/command.ts";
import { flag, option } from "./cli/options.ts";
import { printErrorLines } from "./cli/print.ts";
import { runIfMain } from "./cli/run-if-main.ts";
import { buildKeys, requireUse } from "./cli/source-options.ts";
import { requireUploadable } from "./cli/upload-steps.ts";

/** A name as Kubernetes takes it. */
const nameRule = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;
const resourceName = z.string().regex(nameRule, "must be a name of small letters, digits, - and .");

const options = z.object({
  ...clusterOptions,
  image: z.string().min(1).meta(option("container image that holds cifar5m")),
  claim: resourceName
    .optional()
    .meta(option("persistent volume claim for the run folder, ReadWriteMany; a run in a bucket needs none")),
  mountPath: z
    .string()
    .startsWith("/", "must begin with /")
    .default("/runs")
    .meta(
      option("where the claim is mounted; the run folder and other paths are below it", {
        advice: "Write it like /runs.",
      }),
    ),
  command: z.string().min(1).default("cifar5m").meta(option("what starts cifar5m in the image, words between spaces")),
  secret: resourceName.optional().meta(option("secret whose keys become environment variables, such as those of --to")),
  queue: resourceName.optional().meta(option("queue of Kueue's that admits the jobs")),
  jobset: flag("write one JobSet, whose controller keeps the order, instead of Jobs"),
  gpuResource: z.string().min(1).default("nvidia.com/gpu").meta(option("what the cluster calls its GPUs")),
});
type Options = z.output<typeof options>;

export const submitKubernetesCommand = defineCommand({
  words: ["submit", "kubernetes"],
  describe: "print manifests that build a run on Kubernetes: Indexed Jobs, or a JobSet",
  examples: [
    {
      line: "cifar5m submit kubernetes mine --tasks 64 --device cuda --image REGISTRY/cifar5m --claim runs",
      effect: "the run /runs/mine on the claim runs",
    },
    {
      line: "cifar5m submit kubernetes s3://bucket/mine --tasks 64 --image REGISTRY/cifar5m --secret aws",
      effect: "a run in a bucket, reached by the keys of a secret",
    },
  ],
  bucketRun: "named",
  configKeys: buildKeys,
  options,
  dryRun: async (session) => print(session),
  finish: async (session) => print(session),
});

async function print({ root: named, folder, config, options: given }: Session<Options>): Promise<void> {
  requireUse(given, config);
  if (given.to !== undefined) requireTarget(given.to);
  const { mountPath, tasks: wanted } = given;
  const pathOf = (path: string) => (isLocation(path) ? path : posix.resolve(mountPath, path));
  const root = isBucket(named) ? named.replace(/\/+$/, "") : pathOf(named);
  const to = given.to === undefined ? undefined : pathOf(given.to);
  requireReached(named, given);
  requireUploadable(root, to);
  const tasks = requireTasks(wanted, undefined, { folder, numUnits: planUnits([config], config.unitSize).length });
  const perTask = { cpus: given.cpus, memoryMib: parseMemory(given.mem), gpus: countGpus(given.gpus, config) };
  const numImages = config.count + config.testCount;
  const jobs = jobsWithArguments({ config, sources: given, to, pathOf }).map((job) => ({
    ...job,
    resources: resourcesOf(job.job, { perTask, numImages }),
  }));
  const { image, claim, secret, queue, gpuResource } = given;
  const command = given.command.split(/\s+/).filter((word) => word !== "");
  const manifest = {
    root,
    tasks,
    image,
    command,
    claim,
    mountPath,
    secret,
    queue,
    gpuResource,
    runName: runNameOf(root, mountPath),
  };
  if (given.jobset) process.stdout.write(jobSetManifest(jobs, manifest));
  else {
    process.stdout.write(jobManifests(jobs, manifest));
    printErrorLines("start the jobs one after the other:", ...applyLines(jobs, manifest, "FILE"));
  }
}

/** The run must be somewhere that all pods reach. @throws Cifar5mError `usage/…`, `store/bad-location` */
function requireReached(run: string, { claim, data }: Options): void {
  if (isBucket(run)) {
    parseS3Location(run);
    requireModelFiles(run, data);
  } else if (claim === undefined) {
    throw new Cifar5mError(
      "usage/wrong",
      "--claim must name a persistent volume claim for the run folder, and is missing. Add it, or name a run in a bucket: s3://bucket/prefix.",
    );
  }
}

await runIfMain(import.meta.url, submitKubernetesCommand);
