import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import * as z from "zod";
import { runNameOf } from "../../../pipeline/cluster/kubernetes/manifests.ts";
import { resolveConfig } from "../../../pipeline/run/config.ts";
import { openRun } from "../../../pipeline/run/run.ts";
import { runFolderAt } from "../../../pipeline/run/run-folder.ts";
import { makeTestFolder } from "../../support/make-rows.ts";
import { runInProcess } from "../../support/run-in-process.ts";

const schema = JSON.parse(await readFile(new URL("kubernetes-schema.json", import.meta.url), "utf8"));
const schemaOf = (name: string) => z.fromJSONSchema({ ...schema, $ref: `#/$defs/${name}` });
const job = schemaOf("io.k8s.api.batch.v1.Job");
const jobSet = schemaOf("JobSet");

const run = ["big-run", "--tasks", "4", "--count", "300", "--test-count", "100", "--unit-size", "50"];
const where = ["--image", "registry/cifar5m:0.1.0", "--claim", "runs"];
const all = [
  ...["--device", "cuda", "--queue", "lab", "--secret", "aws", "--to", "s3://bucket/big", "--mem", "4G"],
  ...["--generator", "models/generator.onnx", "--gpus", "2", "--gpu-resource", "amd.com/gpu"],
];

async function submit(
  ...args: string[]
): Promise<{ manifests: Record<string, unknown>[]; stderr: string; stdout: string }> {
  const { exitCode, stdout, stderr } = await runInProcess(["submit", "kubernetes", ...args]);
  expect(exitCode, stderr).toBe(0);
  const documents = parseAllDocuments(stdout, { version: "1.1" });
  return { stdout, stderr, manifests: documents.map((document) => document.toJS()).filter((value) => value !== null) };
}

test("the jobs are what Kubernetes' own schema takes, and nothing that it does not know", async () => {
  for (const options of [[], all]) {
    const { manifests } = await submit(...run, ...where, ...options);
    expect(manifests).toHaveLength(6);
    for (const manifest of manifests) expect(job.safeParse(manifest).error).toBeUndefined();
  }
  const [first] = (await submit(...run, ...where)).manifests;
  expect(job.safeParse({ ...first, spec: { ...(first!.spec as object), replicas: 1 } }).success).toBe(false);
  expect(job.safeParse({ ...first, spec: { completions: "4" } }).success).toBe(false);
});

test("a folder here that has the name of the run is not read: the run is on the claim", async () => {
  const root = join(await makeTestFolder(), "big");
  await openRun(runFolderAt(root), resolveConfig({ count: 7, seed: 5 }));
  const { stdout } = await submit(root, ...run.slice(1), ...where);
  expect(stdout).not.toMatch(/--count\W+7\b/);
  expect(stdout).toMatch(/--seed\W+0\b/);
});

test("the JobSet is what its own schema takes: each job waits for the one before", async () => {
  const { manifests, stderr } = await submit(...run, ...where, ...all, "--jobset");
  expect(stderr).toBe("");
  const [manifest] = manifests as [{ spec: { replicatedJobs: { name: string; dependsOn?: unknown }[] } }];
  expect(jobSet.safeParse(manifest).error).toBeUndefined();
  const order = manifest.spec.replicatedJobs.map(({ name, dependsOn }) => [name, dependsOn]);
  expect(order.slice(0, 3)).toEqual([
    ["prepare", undefined],
    ["sample", [{ name: "prepare", status: "Complete" }]],
    ["label", [{ name: "sample", status: "Complete" }]],
  ]);
});

test("a pod is told its rank by its index, its paths on the claim, and asks for what it was given", async () => {
  const { manifests } = await submit(...run, ...where, ...all);
  const container = (index: number) => {
    const { spec } = manifests[index] as { spec: { template: { spec: { containers: Record<string, unknown>[] } } } };
    return spec.template.spec.containers[0]!;
  };
  expect(manifests[1]).toMatchObject({
    metadata: { name: "cifar5m-big-run-sample", labels: { "kueue.x-k8s.io/queue-name": "lab" } },
    spec: { completions: 4, parallelism: 4, completionMode: "Indexed", maxFailedIndexes: 0 },
  });
  expect(container(0).args).toEqual(
    expect.arrayContaining(["prepare", "/runs/big-run", "/runs/models/generator.onnx"]),
  );
  expect(container(1)).toMatchObject({
    env: [{ name: "CIFAR5M_RANK" }, { name: "CIFAR5M_WORLD_SIZE", value: "4" }],
    envFrom: [{ secretRef: { name: "aws" } }],
    resources: { requests: { cpu: "4", memory: "4096Mi" }, limits: { "amd.com/gpu": "2" } },
  });
  expect(container(4)).toMatchObject({ resources: { limits: { memory: "4096Mi" } } });
  expect(JSON.stringify(container(4))).not.toContain("amd.com/gpu");
  expect(container(5).args).toEqual(expect.arrayContaining(["finish", "--to", "s3://bucket/big"]));
});

test("a run in a bucket needs no claim: pods reach it by the keys of a secret", async () => {
  const bucket = ["s3://bucket/prefix/big/", ...run.slice(1), "--image", "registry/cifar5m", "--secret", "aws"];
  const { manifests } = await submit(...bucket);
  for (const manifest of manifests) expect(job.safeParse(manifest).error).toBeUndefined();
  expect(manifests[1]).toMatchObject({ metadata: { name: expect.stringMatching(/^cifar5m-big-[0-9a-f]{6}-sample$/) } });
  const { spec } = manifests[1] as { spec: { template: { spec: { containers: Record<string, unknown>[] } } } };
  const { containers, ...pod } = spec.template.spec;
  expect(containers[0]!.args).toEqual(expect.arrayContaining(["sample", "--run", "s3://bucket/prefix/big"]));
  expect(containers[0]).not.toHaveProperty("volumeMounts");
  expect(pod).not.toHaveProperty("volumes");
  const refused = async (...words: string[]) => {
    const { exitCode, stderr } = await runInProcess(["submit", "kubernetes", ...bucket, ...words]);
    return [exitCode, stderr.split(":")[0]];
  };
  expect(await refused("--to", "s3://bucket/elsewhere")).toEqual([2, "usage/contradiction"]);
  expect(await refused("--data", "cifar-10")).toEqual([2, "usage/trains-in-bucket"]);
});

test("the lines that start the jobs one after the other are lines of a shell, and name the jobs", async () => {
  const { stderr } = await submit(...run, ...where);
  const lines = stderr.split("\n").slice(1).join("\n");
  execFileSync("bash", ["-n"], { input: lines });
  expect(lines).toContain("for stage in prepare sample label dedup publish finish; do");
  expect(lines).toContain("kubectl get job cifar5m-big-run-$stage");
});

test.each([
  [[...run.slice(0, 1), ...where, "--tasks", "9", ...run.slice(3)], /^usage\/out-of-range: --tasks must be at most 8/],
  [[...run, "--image", "x"], /^usage\/wrong: .*claim/],
  [[...run, "--image", "x", "--claim", "My Claim"], /^usage\/out-of-range: --claim must be a name of small letters/],
  [[...run, ...where, "--mem", "lots"], /^usage\/out-of-range: --mem must be a number with K, M, G or T, got lots/],
  [[...run, ...where, "--to", "s3://"], /^store\/bad-location: /],
])("%j is refused in one line", async (args, line) => {
  const { exitCode, stdout, stderr } = await runInProcess(["submit", "kubernetes", ...args]);
  expect(stderr).toMatch(line);
  expect([stdout, exitCode === 0, stderr.match(/\n/g)?.length]).toEqual(["", false, 1]);
});

test("a run is named after its folder, as Kubernetes allows, and unlike its namesakes", () => {
  const nameOf = (root: string) => runNameOf(root, "/runs");
  expect(["/runs/big", "/runs/big/"].map(nameOf)).toEqual(["big", "big"]);
  const others = [
    "/runs/Big",
    "/runs/a/big",
    "s3://bucket/big",
    "/runs/---",
    `/runs/${"x".repeat(60)}`,
    "/runs/ünï 5m",
  ];
  const begins = ["big", "big", "big", "run", "x".repeat(33), "n-5m"];
  const names = others.map(nameOf);
  for (const [index, name] of names.entries()) expect(name).toMatch(new RegExp(`^${begins[index]}-[0-9a-f]{6}$`));
  expect(new Set(names).size).toBe(others.length);
});

test("an upload goes below the mount path, and not into the run", async () => {
  const { stdout } = await submit("mine", ...run.slice(1), ...where, "--to", "sets/mine");
  expect(stdout).toMatch(/--to\n +- \/runs\/sets\/mine\n/);
  for (const to of ["mine/out", "/runs/mine/out", "mine"]) {
    const refused = await runInProcess(["submit", "kubernetes", "mine", ...run.slice(1), ...where, "--to", to]);
    expect(refused.stderr).toMatch(
      /^usage\/contradiction: --to must be a folder outside of the run's, got \/runs\/mine/,
    );
  }
});
