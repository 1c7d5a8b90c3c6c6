import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { makeAugmentationVectors } from "../../scripts/maintain/augmentation-vectors.ts";
import { formatSections } from "../../scripts/maintain/vectors.ts";
import { makeTestFolder } from "../support/make-rows.ts";
import { findPythonModules } from "../support/run-python.ts";
import { makeExpected } from "./make-expected.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const modules = ["numpy", "pyarrow", "pytest", "venv", "pip", "hatchling"];
const found = findPythonModules([...modules, "torch"]);
// pip fetches the build back end where it is not installed.
const missing = modules.filter((name) => !found.has(name) && name !== "hatchling");

/** What `python3 -c` or a program of the environment printed. */
async function run(program: string, args: readonly string[], variables: Readonly<Record<string, string>> = {}) {
  const env = { ...process.env, OMP_NUM_THREADS: "1", PYTHONDONTWRITEBYTECODE: "1", ...variables };
  try {
    const { stdout } = await promisify(execFile)(program, [...args], { cwd: root, env, maxBuffer: 2 ** 28 });
    return stdout;
  } catch (thrown) {
    const { stdout = "", stderr = "" } = thrown as { readonly stdout?: string; readonly stderr?: string };
    throw new Error(`${program} ${args.join(" ")} failed\n${stdout.slice(-20_000)}\n${stderr.slice(-5000)}`);
  }
}

test("docs/augmentation-vectors.json holds what this code gives: published draws are never changed", async () => {
  const path = join(root, "docs/augmentation-vectors.json");
  expect(formatSections(await makeAugmentationVectors())).toBe(await readFile(path, "utf8"));
});

describe.skipIf(missing.length > 0)(
  `the Python package${missing.length > 0 ? `: python3 has no ${missing}` : ""}`,
  () => {
    let python = "";

    // A fresh environment with the wheel; torch and its like are the system's.
    beforeAll(async () => {
      const folder = await mkdtemp(join(tmpdir(), "cifar5m-python-"));
      const isolation = found.has("hatchling") ? ["--no-build-isolation"] : [];
      const quiet = ["--quiet", "--disable-pip-version-check", "--no-deps"];
      await run("python3", ["-m", "pip", "wheel", ...quiet, ...isolation, "--wheel-dir", folder, join(root, "python")]);
      const wheel = (await readdir(folder)).find((name) => name.endsWith(".whl"));
      await run("python3", ["-m", "venv", "--system-site-packages", join(folder, "venv")]);
      python = join(folder, "venv/bin/python");
      await run(python, ["-m", "pip", "install", ...quiet, "--no-index", join(folder, wheel ?? "")]);
      return () => rm(folder, { recursive: true });
    });

    test("its wheel is typed, and needs numpy and pyarrow alone", async () => {
      const code = `
import importlib.metadata as m, importlib.resources as r, sys, cifar5m
assert r.files("cifar5m").joinpath("py.typed").is_file()
assert not {"torch", "jax", "fsspec"} & set(sys.modules)
print(sorted(need for need in m.requires("cifar5m") if "extra" not in need))`;
      expect(await run(python, ["-c", code])).toBe("['numpy>=1.24', 'pyarrow>=14']\n");
    });

    test("it serves what the TypeScript loader serves, and passes its own tests", async () => {
      const folder = await makeTestFolder();
      await makeExpected(folder);
      const tests = join(root, "python/tests");
      // Names of tests that passed too.
      const options = ["-q", "-rap", "-W", "ignore"];
      const printed = await run(python, ["-m", "pytest", ...options, tests], { CIFAR5M_EXPECTED: folder });
      expect(printed).toMatch(/\d+ passed/);
      for (const name of ["numpy_batches_and_states", ...(found.has("torch") ? ["torch_batches_and_states"] : [])]) {
        expect(printed).toMatch(new RegExp(`^PASSED .*test_typescript\\.py::test_${name}`, "m"));
      }
      expect(printed).toMatch(/^PASSED .*test_typescript\.py::test_filters/m);
      // pytest prints the outcome before the path.
      expect(printed).not.toMatch(/^SKIPPED .*test_typescript/m);
    });

    test("its example trains in both regimes and resumes with the same weights", async ({ skip }) => {
      skip(!found.has("torch"), "python3 has no torch");
      const folder = await makeTestFolder();
      await makeExpected(folder);
      const printed = await run(python, [join(root, "python/examples/train.py"), join(folder, "dataset")]);
      expect(printed).toContain("finite: resumed, the same weights");
      expect(printed).toContain("infinite: resumed, the same weights");
    });
  },
);
