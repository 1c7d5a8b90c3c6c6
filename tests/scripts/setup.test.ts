import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";

test("packages of another checkout, to which node_modules leads, are left alone", () => {
  const folder = mkdtempSync(join(tmpdir(), "cifar5m-setup-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const [checkout, packages] = [join(folder, "checkout"), join(folder, "packages")];
  for (const path of [join(checkout, "scripts"), packages]) mkdirSync(path, { recursive: true });
  const files = ["scripts/setup.mjs", "package.json", "package-lock.json", "tsconfig.json", "tsconfig.build.json"];
  for (const file of files) cpSync(file, join(checkout, file));
  writeFileSync(join(packages, "kept"), "");
  // Older than package-lock.json: what is installed looks out of date.
  writeFileSync(join(packages, ".package-lock.json"), "{}");
  utimesSync(join(packages, ".package-lock.json"), 1, 1);
  symlinkSync(packages, join(checkout, "node_modules"));
  const { stderr } = spawnSync(process.execPath, [join(checkout, "scripts", "setup.mjs")], { encoding: "utf8" });
  expect(stderr).toContain("node_modules leads to another folder");
  expect(existsSync(join(packages, "kept"))).toBe(true);
});
