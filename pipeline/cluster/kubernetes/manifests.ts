import { posix } from "node:path";
import { stringify } from "yaml";
import { sha256 } from "../../../storage/sha256.ts";
import {
  type JobToWrite,
  jobManifest,
  jobNameOf,
  jobSpec,
  labelsOf,
  type ManifestOptions,
  queueLabels,
} from "./job-manifest.ts";

/** The Jobs of a run as YAML, one document each, in their order. A comment says how to start them one after the other. */
export function jobManifests(jobs: readonly JobToWrite[], options: ManifestOptions): string {
  const header = [
    "Start the jobs one after the other:",
    ...applyLines(jobs, options, "FILE").map((line) => `  ${line}`),
  ];
  const documents = jobs.map((job) => toYaml(jobManifest(job, options)));
  return `${header.map((line) => `# ${line}\n`).join("")}---\n${documents.join("---\n")}`;
}

/** Lines of a shell that start the jobs one after the other, until one fails. @param file - with all manifests */
export function applyLines(
  jobs: readonly JobToWrite[],
  { runName }: Pick<ManifestOptions, "runName">,
  file: string,
): string[] {
  const prefix = jobNameOf(runName, "prepare").replace(/prepare$/, "");
  const conditions = `-o jsonpath='{.status.conditions[?(@.status=="True")].type}'`;
  return [
    `for stage in ${jobs.map(({ job: { name } }) => name).join(" ")}; do`,
    `  kubectl apply -f ${file} -l cifar5m/stage=$stage || break`,
    `  until kubectl get job ${prefix}$stage ${conditions} | grep -E 'Complete|Failed'; do sleep 10; done | grep Failed && break`,
    "done",
  ];
}

/** A JobSet as YAML: its controller starts each job when the one before is complete. */
export function jobSetManifest(jobs: readonly JobToWrite[], options: ManifestOptions): string {
  const { runName } = options;
  const names = jobs.map(({ job: { name } }) => name);
  return toYaml({
    apiVersion: "jobset.x-k8s.io/v1alpha2",
    kind: "JobSet",
    metadata: { name: `cifar5m-${runName}`, labels: { ...labelsOf(runName), ...queueLabels(options) } },
    spec: {
      // A job that fails has tried each task several times.
      failurePolicy: { maxRestarts: 0 },
      replicatedJobs: jobs.map((job, index) => ({
        name: job.job.name,
        replicas: 1,
        ...(index === 0 ? {} : { dependsOn: [{ name: names[index - 1], status: "Complete" }] }),
        template: { metadata: { labels: labelsOf(runName, job.job.name) }, spec: jobSpec(job, options) },
      })),
    },
  });
}

function toYaml(manifest: object): string {
  // Version 1.1 is what the cluster reads: there, `no` and `on` are quoted.
  return stringify(manifest, { version: "1.1", lineWidth: 0, aliasDuplicateObjects: false });
}

/**
 * The name of a run in a cluster: small letters, digits and `-`, at most 40. It is that of the run's folder. If the folder
 * is not directly below the mount path, or has other characters, digits of a hash tell it from its namesakes.
 */
export function runNameOf(root: string, mountPath: string): string {
  const place = root.replace(/\/+$/, "");
  const last = place.split("/").at(-1) ?? "";
  const name = last
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .slice(0, 33)
    .replaceAll(/^-+|-+$/g, "");
  if (name !== "" && place === posix.join(mountPath, name)) return name;
  return `${name === "" ? "run" : name}-${sha256(place).slice(0, 6)}`;
}
