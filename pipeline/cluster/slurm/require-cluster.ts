import { Cifar5mError } from "../../../core/errors.ts";
import { listPartitions, readMaxArraySize } from "./slurm-programs.ts";
import { parseWalltime } from "./walltime.ts";

/** What is asked of a Slurm cluster. */
export interface SlurmRequest {
  readonly tasks: number;
  /** As the user wrote it, and in seconds. */
  readonly time: { readonly text: string; readonly seconds: number };
  readonly partition: string | undefined;
  /** For the jobs that need no device. */
  readonly cpuPartition: string | undefined;
}

/**
 * Refuses what the cluster would refuse later, or would let wait for ever.
 * @throws Cifar5mError `submit/no-scheduler`, `submit/unknown-partition`, `submit/walltime-too-long`,
 *   `submit/too-many-tasks`, `submit/refused`
 */
export async function requireCluster({ tasks, time, partition, cpuPartition }: SlurmRequest): Promise<void> {
  const partitions = await listPartitions();
  for (const [flag, name] of Object.entries({ partition, "cpu-partition": cpuPartition ?? partition })) {
    // Several names mean whichever is free first.
    for (const wanted of name?.split(",") ?? [undefined]) {
      const found = partitions.find((one) => (wanted === undefined ? one.isDefault : one.name === wanted));
      if (found === undefined && wanted !== undefined) {
        const known = partitions.map((one) => one.name).join(", ");
        throw new Cifar5mError(
          "submit/unknown-partition",
          `--${flag} must be one of ${known}, got ${wanted}. Choose one of them.`,
        );
      }
      const limit = found === undefined ? undefined : parseWalltime(found.timeLimit);
      if (found !== undefined && limit !== undefined && time.seconds > limit) {
        throw new Cifar5mError(
          "submit/walltime-too-long",
          `--time must be at most ${found.timeLimit} in partition ${found.name}, got ${time.text}. Use less, or another partition.`,
        );
      }
    }
  }
  const maxArraySize = await readMaxArraySize();
  if (tasks <= maxArraySize) return;
  throw new Cifar5mError(
    "submit/too-many-tasks",
    `--tasks must be at most ${maxArraySize}, the MaxArraySize of this cluster, got ${tasks}. Use fewer tasks.`,
  );
}
