/**
 * What `npm start`, `npm test`, `npm run check` and the like call. Plain JavaScript without dependencies, so that each
 * works as the first command in a fresh clone: it installs what is missing, compiles what is stale, then runs the thing.
 */

import { spawn } from "node:child_process";
import { existsSync, lstatSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** Folders of sources, which tsconfig.build.json names. */
const sourceFolders = JSON.parse(readFileSync(join(root, "tsconfig.build.json"), "utf8")).include;
const binFolder = join(root, "node_modules", ".bin");
const passedOn = ["SIGINT", "SIGTERM", "SIGHUP"];
const [task = "install", ...extra] = process.argv.slice(2);

/** Runs a program in the package's folder, with our terminal. Resolves to its exit code; passes signals on. */
function run(program, args, options = {}) {
  return new Promise((resolve) => {
    const path = `${binFolder}${process.platform === "win32" ? ";" : ":"}${process.env.PATH}`;
    const child = spawn(program, args, {
      cwd: root,
      stdio: "inherit",
      shell: process.platform === "win32",
      env: { ...process.env, PATH: path },
      ...options,
    });
    // A terminal's Ctrl-C reaches the child by itself; what is sent to us alone must be passed on. We wait in both cases.
    const passOn = (signal) => (signal === "SIGINT" && process.stdin.isTTY) || child.kill(signal);
    for (const signal of passedOn) process.on(signal, passOn);
    child.on("error", (error) => {
      process.stderr.write(`setup/cannot-run: ${program}: ${error.message}. Run \`npm ci\` again.\n`);
      resolve(1);
    });
    child.on("exit", (code, signal) => {
      for (const name of passedOn) process.off(name, passOn);
      resolve(code ?? (signal === "SIGINT" ? 130 : 1));
    });
  });
}

/** Runs steps until one fails. */
async function runAll(steps) {
  for (const [program, ...args] of steps) {
    const code = await run(program, args);
    if (code !== 0) return code;
  }
  return 0;
}

function modifiedMs(path) {
  return existsSync(path) ? statSync(path).mtimeMs : 0;
}

/** Newest change of a source file. */
function newestSourceMs() {
  const files = [join(root, "tsconfig.json"), join(root, "tsconfig.build.json")];
  for (const folder of sourceFolders) {
    for (const name of readdirSync(join(root, folder), { recursive: true })) {
      // Folders count too: their time tells of deleted files.
      if (/\.(ts|css)$/.test(name) || !name.includes(".")) files.push(join(root, folder, name));
    }
  }
  return Math.max(...files.map(modifiedMs));
}

/** Whether package-lock.json was not touched since npm installed it, or asks for just these packages all the same. */
function isInstalled() {
  const [wantedPath, installedPath] = [
    join(root, "package-lock.json"),
    join(root, "node_modules", ".package-lock.json"),
  ];
  const installedMs = modifiedMs(installedPath);
  if (installedMs === 0) return false;
  if (installedMs >= modifiedMs(wantedPath)) return true;
  // A checkout or a rebase touches files that it leaves as they were.
  const [wanted, installed] = [wantedPath, installedPath].map(
    (path) => JSON.parse(readFileSync(path, "utf8")).packages,
  );
  if (wanted === undefined || installed === undefined) return false;
  const isSame = ([path, { version, integrity }]) =>
    wanted[path]?.version === version && wanted[path]?.integrity === integrity;
  const isThere = ([path, { optional = false, devOptional = false }]) =>
    path === "" || optional || devOptional || installed[path] !== undefined;
  return Object.entries(installed).every(isSame) && Object.entries(wanted).every(isThere);
}

/** npm ci, unless what is installed is what package-lock.json asks for. */
async function install() {
  if (isInstalled()) return 0;
  if (lstatSync(join(root, "node_modules"), { throwIfNoEntry: false })?.isSymbolicLink()) {
    // npm would empty the folder that it leads to, under the feet of whoever works there.
    process.stderr.write(
      "node_modules leads to another folder, so nothing is installed: run `npm ci` there if something is missing\n",
    );
    return 0;
  }
  process.stderr.write("installing packages (once)\n");
  return await run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
}

/** tsc and the bundles of the page, unless the last compilation that went well is newer than every source file. */
async function build() {
  const stamp = join(root, "dist", ".built");
  if (modifiedMs(stamp) > newestSourceMs()) return 0;
  process.stderr.write("compiling\n");
  const code = await runAll([
    ["tsc", "--project", "tsconfig.build.json"],
    [process.execPath, join("scripts", "maintain", "bundle-page.mjs")],
  ]);
  if (code === 0) writeFileSync(stamp, "");
  return code;
}

/** Under two minutes on two cores, with installation; the unit size is a multiple of the batch size. */
const quickstart = [
  ...["--run", join("runs", "quickstart"), "--count", "2000", "--test-count", "400", "--unit-size", "400"],
  ...["--recipe", "tuned"],
];

const cli = (...args) => [process.execPath, join("dist", "scripts", "cifar5m.js"), ...args];
const quickData = join("runs", "experiment-quick");
const quickRun = join("runs", "experiment-quick-results");

/** Under ten minutes on two cores: a pool that the ideal world never has to repeat, and its runs. */
const experimentQuick = [
  cli(
    "build",
    "--run",
    quickData,
    "--count",
    "10000",
    "--test-count",
    "1000",
    "--unit-size",
    "1000",
    "--recipe",
    "tuned",
  ),
  cli("experiment", "run", join("examples", "experiments", "quick.json"), "--run", quickRun),
  cli("experiment", "report", "--run", quickRun),
  cli("experiment", "compare", "--run", quickRun),
];

const tasks = {
  install: () => 0,
  start: () => run(process.execPath, [join("dist", "scripts", "build.js"), ...quickstart, ...extra]),
  test: () => run("vitest", ["run", ...extra]),
  "test:slow": () => run("vitest", ["run", "--config", "vitest.slow.config.ts", ...extra]),
  "test:all": async () => (await tasks.test()) || (await tasks["test:slow"]()),
  "test:long": () => run("vitest", ["run", "--config", "vitest.long.config.ts", ...extra]),
  "setup:cuda": () => run(process.execPath, [join("dist", "scripts", "setup-cuda.js"), ...extra]),
  "setup:tensorflow": () => run(process.execPath, [join("dist", "scripts", "setup-tensorflow.js"), ...extra]),
  "experiment:quick": () => runAll(experimentQuick),
  "docs:cli": () => run(process.execPath, [join("dist", "scripts", "maintain", "make-cli-docs.js"), ...extra]),
  bench: () => run(process.execPath, [join("dist", "bench", "main.js"), ...extra]),
  pack: () => run(process.execPath, [join("scripts", "maintain", "pack.mjs"), ...extra]),
  check: () =>
    runAll([
      ["biome", "ci", "--diagnostic-level=warn", ...(process.stdout.isTTY ? [] : ["--colors=off"])],
      ["tsc", "--project", "tsconfig.json"],
      ["tsc", "--project", join("pipeline", "serve", "client", "tsconfig.json")],
      ["depcruise", "--config", ".dependency-cruiser.cjs", ...sourceFolders],
      ["typedoc"],
      ...examples().map((path) => [process.execPath, path]),
    ]),
};

/** Runnable examples; each exits with 0 if all went well. */
function examples() {
  const folder = join(root, "examples");
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith(".mjs"))
    .map((name) => join("examples", name));
}

if (!(task in tasks)) {
  process.stderr.write(`setup/unknown-task: ${task}. Use one of: ${Object.keys(tasks).join(", ")}.\n`);
  process.exitCode = 2;
} else {
  // Tests and packing compile what they need by themselves.
  const compiles = task.startsWith("test") || task === "pack";
  process.exitCode = (await install()) || (compiles ? 0 : await build()) || (await tasks[task]());
}
