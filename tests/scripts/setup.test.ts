import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";

/** Runs the set-up of a checkout whose node_modules leads elsewhere, and whose package-lock.json was touched since. */
function setUp(installed: string): { readonly packages: string; readonly stderr: string } {
  const folder = mkdtempSync(join(tmpdir(), "cifar5m-setup-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const [checkout, packages] = [join(folder, "checkout"), join(folder, "packages")];
  for (const path of [join(checkout, "scripts"), packages]) mkdirSync(path, { recursive: true });
  const files = ["scripts/setup.mjs", "package.json", "package-lock.json", "tsconfig.json", "tsconfig.build.json"];
  for (const file of files) cpSync(file, join(checkout, file));
  writeFileSync(join(packages, "kept"), "");
  writeFileSync(join(packages, ".package-lock.json"), installed);
  utimesSync(join(packages, ".package-lock.json"), 1, 1);
  symlinkSync(packages, join(checkout, "node_modules"));
  const { stderr } = spawnSync(process.execPath, [join(checkout, "scripts", "setup.mjs")], { encoding: "utf8" });
  return { packages, stderr };
}

test("packages of another checkout, to which node_modules leads, are left alone", () => {
  const { packages, stderr } = setUp("{}");
  expect(stderr).toContain("node_modules leads to another folder");
  expect(existsSync(join(packages, "kept"))).toBe(true);
});

test("packages are installed again if package-lock.json asks for others, not if it was only touched", () => {
  const { packages: wanted } = JSON.parse(readFileSync("package-lock.json", "utf8"));
  const { "": _, ...all } = wanted;
  const setUpWith = (packages: object) => setUp(JSON.stringify({ packages })).stderr;
  const installs = "node_modules leads to another folder, so nothing is installed";
  expect(setUpWith(all)).not.toContain(installs);
  const [path, entry] = Object.entries<{ version: string }>(all).find(([, { version }]) => version !== undefined)!;
  expect(setUpWith({ ...all, [path]: { ...entry, version: "0.0.0" } })).toContain(installs);
  const { [path]: _missing, ...others } = all;
  expect(setUpWith(others)).toContain(installs);
  expect(setUpWith({ ...all, "node_modules/of-before": { version: "1.0.0" } })).toContain(installs);
});
