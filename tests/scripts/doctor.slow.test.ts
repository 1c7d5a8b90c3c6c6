import { expect, test } from "vitest";
import { runCli } from "../support/run-cli.ts";
import { runInProcess } from "../support/run-in-process.ts";

test("doctor tries every engine, and says in one line each what the others lack", async () => {
  const { exitCode, stdout, stderr } = await runCli(["doctor", "--no-bench", "--json", "--quiet"]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  const { machine, findings } = JSON.parse(stdout);
  expect(machine).toMatchObject({ node: process.versions.node, gpus: expect.any(Array) });
  expect(machine.numCores).toBeGreaterThan(0);
  const names = findings.map(
    (finding: { packageName?: string; device: string }) => finding.packageName ?? finding.device,
  );
  for (const name of ["cpu", "webgpu", "@tensorflow/tfjs-node-gpu", "@tensorflow/tfjs-node", "@tensorflow/tfjs"]) {
    expect(names).toContain(name);
  }
  for (const { usable, device, packageName, reason } of findings) {
    if (device === "cpu" && packageName !== "@tensorflow/tfjs-node") expect(usable).toBe(true);
    if (!usable) expect(reason).toMatch(/^[^\n]+\. .*(Install|Run)[^\n]+\.$/);
    // An installed package has commands, and no scripts of npm's.
    expect(reason ?? "").not.toMatch(/npm (run|ci)/);
  }
});

test("it has no options of a run, and takes none", async () => {
  const { exitCode, stderr } = await runInProcess(["doctor", "--run", "somewhere"]);
  expect(stderr).toMatch(/^usage\/wrong: .*run.*\n$/);
  expect(exitCode).toBe(2);
});
