import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, inject, test } from "vitest";
import { verifyRun } from "../../../pipeline/verify/verify.ts";
import { hasS3Server, startS3, useS3 } from "../../shards/remote/s3-servers.ts";
import { makeTestFolder } from "../../support/make-rows.ts";
import { testContext } from "../../support/run-build.ts";
import { hashFolder, runAndKill, runToEnd } from "../kill-build.ts";
import { downloadRun } from "./download-run.ts";

const numWorkers = 8;
const foreverMs = 3_600_000;

/** The arguments of a worker. @param salt - of its images; by default those of every worker are alike */
function workerOf(run: string, { rank = 0, worldSize = 1, salt = 0 } = {}): string[] {
  const script = join(inject("compiledFolder"), "tests", "support", "stand-in-worker.js");
  return [script, run, ...[rank, worldSize, salt].map(String)];
}

/** Runs all workers at once, each of the first ones killed some times and started again. @returns number of kills */
async function race(programs: readonly (readonly string[])[]): Promise<number> {
  const killed = programs.map(async (program, rank) => {
    for (let numKilled = 0; ; numKilled++) {
      const isKilled = rank < numWorkers / 2 && numKilled < 3;
      if (!(await runAndKill(program, isKilled ? Math.random() * 2000 : foreverMs, "ready"))) return numKilled;
    }
  });
  return (await Promise.all(killed)).reduce((sum, count) => sum + count, 0);
}

async function makeFolderRun(): Promise<string> {
  const folder = join(await makeTestFolder(), "run");
  await runToEnd(workerOf(folder));
  return folder;
}

/** Those that keep conditions. */
const servers = ["versitygw", "moto"] as const;

for (const server of servers) {
  test.skipIf(!hasS3Server(server))(
    `eight workers that share only a bucket of ${server}, some of them killed, make what one makes in a folder, byte for byte`,
    { timeout: 600_000 },
    async () => {
      const { s3, client } = await startS3(server);
      useS3(s3);
      const wanted = await hashFolder(await makeFolderRun());
      let numKills = 0;
      for (let round = 0; numKills < numWorkers; round++) {
        const programs = Array.from({ length: numWorkers }, (_, rank) =>
          workerOf(`s3://data/runs/${round}`, { rank, worldSize: numWorkers }),
        );
        numKills += await race(programs);
        const found = await downloadRun(client, `runs/${round}`);
        expect(await hashFolder(found)).toEqual(wanted);
        expect(await verifyRun(found, testContext())).toEqual([]);
      }
    },
  );
}

test.skipIf(!servers.some(hasS3Server))(
  "workers whose devices give unlike bytes race for every unit, and each receipt is of the data that is there",
  { timeout: 600_000 },
  async () => {
    const { s3, client } = await startS3(servers.find(hasS3Server)!);
    useS3(s3);
    const programs = Array.from({ length: numWorkers }, (_, salt) => workerOf("s3://data/race", { salt }));
    await race(programs);
    const found = await downloadRun(client, "race");
    expect(await verifyRun(found, testContext())).toEqual([]);
    // Labels, fingerprints and shards follow from the samples that won, whoever made them.
    const again = join(await makeTestFolder(), "run");
    await cp(found, again, { recursive: true });
    for (const stage of ["label", "fingerprint", "dedup", "publish"]) {
      await rm(join(again, "receipts", stage), { recursive: true });
    }
    for (const name of ["labels", "dedup", "dataset"]) await rm(join(again, name), { recursive: true });
    await runToEnd(workerOf(again));
    expect(await hashFolder(again)).toEqual(await hashFolder(found));
  },
);
