import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { runSlurm } from "../../pipeline/cluster/slurm/slurm-programs.ts";
import { runProgram } from "../../pipeline/run-program.ts";
import { errorOf } from "../support/expect-error.ts";
import { makeTestFolder } from "../support/make-rows.ts";

test.skipIf(process.platform === "win32").each(["missing", "forbidden", "file"])(
  "a program that PATH does not lead to is not a program, whatever the system calls it: %s",
  async (kind) => {
    const folder = await makeTestFolder();
    const path = join(folder, kind);
    if (kind === "forbidden") {
      await mkdir(path);
      // That nobody may run it, the superuser neither, looks like a folder that may not be entered.
      for (const name of ["nvidia-smi", "sinfo"]) await writeFile(join(path, name), "", { mode: 0o644 });
    } else if (kind === "file") await writeFile(path, "");
    vi.stubEnv("PATH", path);
    const { signal } = new AbortController();
    expect(await runProgram("nvidia-smi", [], { signal })).toEqual({ exitCode: undefined, output: "" });
    await errorOf(() => runSlurm("sinfo", []), "submit/no-scheduler");
  },
);
