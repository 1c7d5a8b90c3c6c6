import { execFile, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Which of the modules `python3` has; none where there is no `python3`. They are found, not imported. */
export function findPythonModules(names: readonly string[]): Set<string> {
  const code = "import sys, importlib.util as u; print(*[name for name in sys.argv[1:] if u.find_spec(name)])";
  const { status, stdout } = spawnSync("python3", ["-c", code, ...names], { encoding: "utf8" });
  return new Set(status === 0 ? stdout.split(/\s+/).filter((name) => name !== "") : []);
}

/**
 * Runs a Python script, on one thread.
 * @param script - relative to `tests`
 * @param input - handed over as JSON
 * @param variables - added to the environment
 * @returns what it printed
 * @throws Error with what it wrote to standard error, if it fails
 */
export function runPython(
  script: string,
  args: readonly string[],
  input?: unknown,
  variables: Readonly<Record<string, string>> = {},
): Promise<string> {
  const path = fileURLToPath(new URL(`../${script}`, import.meta.url));
  const env = { ...process.env, OMP_NUM_THREADS: "1", PYTHONDONTWRITEBYTECODE: "1", ...variables };
  return new Promise((resolve, reject) => {
    const child = execFile("python3", [path, ...args], { env, maxBuffer: 2 ** 28 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${script}: ${error.message}\n${stderr}`));
    });
    child.stdin?.end(input === undefined ? "" : JSON.stringify(input));
  });
}
