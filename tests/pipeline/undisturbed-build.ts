import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject } from "vitest";
import { makeCifar10 } from "../support/make-cifar-10.ts";
import { hashFolder, killBuilds, runToEnd } from "./kill-build.ts";

/** A build that nobody disturbs, for all tests of a file to compare others with. */
export interface UndisturbedBuild {
  /** A run folder beside that of the build. */
  rootOf(name: string): string;
  /** The command line of another build of the same. @param args - milliseconds of delay, rank, number of workers */
  commandOf(root: string, ...args: readonly string[]): string[];
  /** Hashes of its files. */
  hash(part?: string): Promise<string[]>;
  /** Kills and resumes builds until there were this many kills; each must end as this one did. */
  killOthers(numKills: number): Promise<void>;
}

/** Builds before all tests of a file, and removes everything after them. */
export function undisturbedBuildForAllTests(): UndisturbedBuild {
  let folder = "";
  const rootOf = (name: string) => join(folder, name);
  const program = () => join(inject("compiledFolder"), "tests", "support", "stand-in-build.js");
  const commandOf = (root: string, ...args: readonly string[]) => [program(), root, rootOf("cifar-10"), ...args];
  const hash = (part = "") => hashFolder(join(rootOf("undisturbed"), part));
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "cifar5m-kill-"));
    await makeCifar10(rootOf("cifar-10"));
    await runToEnd(commandOf(rootOf("undisturbed"), "0"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return {
    ...{ rootOf, commandOf, hash },
    async killOthers(numKills) {
      const expected = await hash();
      await killBuilds({
        program: (root) => commandOf(root, "10"),
        ...{ folder, numKills, maxLifeMs: 1200, countFrom: "ready" },
        check: async (root) => expect(await hashFolder(root)).toEqual(expected),
      });
    },
  };
}
