import type { ClusterJob, ClusterJobName, Resources } from "../cluster-jobs.ts";

/** What the manifests of a run are made from. */
export interface ManifestOptions {
  /** The run folder inside the containers. */
  readonly root: string;
  /** Names the run in the cluster. */
  readonly runName: string;
  readonly tasks: number;
  readonly image: string;
  /** Words that start the program in the image. */
  readonly command: readonly string[];
  /** Name of a persistent volume claim that many nodes can write to, and where it is mounted. None for a run in a bucket. */
  readonly claim: string | undefined;
  readonly mountPath: string;
  /** A secret whose keys become variables of the environment, such as AWS_ACCESS_KEY_ID. */
  readonly secret: string | undefined;
  /** A queue of Kueue's. */
  readonly queue: string | undefined;
  readonly gpuResource: string;
}

/** A job, its arguments after the folder, and what its tasks need. */
export interface JobToWrite {
  readonly job: ClusterJob;
  readonly args: readonly string[];
  readonly resources: Resources;
}

/** A task is given this long to end in order when its node is drained, seconds. */
const graceSeconds = 120;
/** How often a task may fail before its job does. Evictions do not count. */
const backoffLimit = 6;
const containerName = "cifar5m";

/** The name of a job in the cluster. */
export function jobNameOf(runName: string, job: ClusterJobName): string {
  return `cifar5m-${runName}-${job}`;
}

/** Labels of everything that belongs to a run. */
export function labelsOf(runName: string, job?: ClusterJobName): Record<string, string> {
  return {
    "app.kubernetes.io/name": "cifar5m",
    "cifar5m/run": runName,
    ...(job === undefined ? {} : { "cifar5m/stage": job }),
  };
}

/** Labels for Kueue, which admits a job when its queue has room. */
export function queueLabels({ queue }: Pick<ManifestOptions, "queue">): Record<string, string> {
  return queue === undefined ? {} : { "kueue.x-k8s.io/queue-name": queue };
}

/** A Job of Kubernetes, with an index for each rank. */
export function jobManifest(toWrite: JobToWrite, options: ManifestOptions): object {
  const { name } = toWrite.job;
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      name: jobNameOf(options.runName, name),
      labels: { ...labelsOf(options.runName, name), ...queueLabels(options) },
    },
    spec: jobSpec(toWrite, options),
  };
}

/** The `spec` of a Job: of its own, or in a JobSet. */
export function jobSpec({ job, args, resources }: JobToWrite, options: ManifestOptions): object {
  const { runName, tasks } = options;
  const numTasks = job.isShared ? tasks : 1;
  return {
    completionMode: "Indexed",
    completions: numTasks,
    parallelism: numTasks,
    backoffLimitPerIndex: backoffLimit,
    maxFailedIndexes: 0,
    podFailurePolicy: {
      rules: [
        // Evictions, preemption and drained nodes are not failures.
        { action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] },
        // 130: interrupted, what was finished is kept; 143: before it had begun. 2: wrong usage, the same for every task.
        { action: "Ignore", onExitCodes: { containerName, operator: "In", values: [130, 143] } },
        { action: "FailJob", onExitCodes: { containerName, operator: "In", values: [2] } },
      ],
    },
    template: {
      metadata: { labels: labelsOf(runName, job.name) },
      spec: {
        restartPolicy: "Never",
        terminationGracePeriodSeconds: graceSeconds,
        containers: [containerOf({ job, args, resources }, options)],
        ...(options.claim === undefined
          ? {}
          : { volumes: [{ name: "runs", persistentVolumeClaim: { claimName: options.claim } }] }),
      },
    },
  };
}

function containerOf({ job, args, resources }: JobToWrite, options: ManifestOptions): object {
  const { root, image, command, tasks, mountPath, claim, secret, gpuResource } = options;
  const { cpus, memoryMib, gpus } = resources;
  const memory = `${memoryMib}Mi`;
  const index = { fieldPath: "metadata.annotations['batch.kubernetes.io/job-completion-index']" };
  const worker = [
    { name: "CIFAR5M_RANK", valueFrom: { fieldRef: index } },
    { name: "CIFAR5M_WORLD_SIZE", value: String(tasks) },
  ];
  return {
    name: containerName,
    image,
    command,
    ...(claim === undefined ? {} : { workingDir: mountPath, volumeMounts: [{ name: "runs", mountPath }] }),
    args: [job.name, "--run", root, ...job.args, ...args],
    ...(job.isShared ? { env: worker } : {}),
    ...(secret === undefined ? {} : { envFrom: [{ secretRef: { name: secret } }] }),
    resources: {
      requests: { cpu: String(cpus), memory },
      limits: { memory, ...(gpus > 0 ? { [gpuResource]: String(gpus) } : {}) },
    },
  };
}
