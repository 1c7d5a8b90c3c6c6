import * as z from "zod";
import { Cifar5mError, hasCode } from "../../core/errors.ts";
import { openShippedRuntime } from "../../pipeline/models/shipped-runtime.ts";
import { type Config, mergeConfigs, type PartialConfig, resolveConfig } from "../../pipeline/run/config.ts";
import { mountRun } from "../../pipeline/run/mount-run.ts";
import { readPinnedRun, requireEqualRun } from "../../pipeline/run/pinned-run.ts";
import { requireRecipe } from "../../pipeline/run/recipes.ts";
import { plannedIdentity, readRunConfig } from "../../pipeline/run/run.ts";
import { type RunFolder, runFolderAt } from "../../pipeline/run/run-folder.ts";
import type { StageContext } from "../../pipeline/run/stage.ts";
import type { Step } from "../../pipeline/run/step.ts";
import { hashConfig } from "../../storage/canonical-json.ts";
import { isBucket } from "../../storage/object-files.ts";
import { parseFolder, parseLocation } from "../../storage/parse-location.ts";
import type { Command, Session } from "./command.ts";
import { readConfigFile } from "./config-file.ts";
import { exitCodes, reportError } from "./exit-codes.ts";
import { flagsOf } from "./flags.ts";
import { listenForInterruption } from "./interruption.ts";
import { configOptions, generalOptions, recipeOptions, reportOptions, threadOptions } from "./options.ts";
import { printJson } from "./print.ts";
import { type Arguments, readConfigFlags, readOptions } from "./read-arguments.ts";
import { Reporter } from "./reporter.ts";
import { chooseThreads } from "./threads.ts";
import { describeWorker, readWorker, type Worker } from "./worker.ts";

const noOptions = z.object({});

/**
 * Runs a command whose arguments were parsed.
 * @param extraWords - after `--`
 * @returns the exit code
 */
export async function executeCommand(
  command: Command,
  args: Arguments,
  extraWords: readonly string[] = [],
): Promise<number> {
  const { verbose, quiet } = readOptions(generalOptions, args);
  const worker = readWorker(command, args);
  const name = describeWorker(worker);
  const reporter = new Reporter({
    stream: process.stderr,
    verbosity: quiet ? "quiet" : verbose ? "verbose" : "normal",
    ...(name === undefined ? {} : { worker: name }),
  });
  const stopping = command.interruption?.stopping ?? "stopping after the current batch";
  const interruption = listenForInterruption({
    onFirst: () => reporter.interrupt(`${stopping}; press again to stop at once`),
  });
  try {
    const session = await openSession(command, args, { worker, extraWords, reporter, signal: interruption.signal });
    if (readOptions(configOptions, args).dryRun) {
      await (command.dryRun?.(session) ?? printConfig(session));
      return exitCodes.success;
    }
    for (const step of (await command.steps?.(session)) ?? []) await runStep(step, session);
    await command.finish?.(session);
    return exitCodes.success;
  } catch (thrown) {
    reporter.stop();
    return reportError(nameRecipe(thrown, args), {
      verbose,
      signal: interruption.signal,
      stopped: command.interruption?.stopped,
    });
  } finally {
    interruption.stop();
  }
}

type AnySession = Session<Record<string, unknown>>;

async function openSession(
  command: Command,
  args: Arguments,
  given: Pick<AnySession, "reporter" | "signal" | "extraWords"> & { readonly worker: Worker },
): Promise<AnySession> {
  const { worker, extraWords, reporter, signal } = given;
  const root = command.target === "none" ? "." : await openRoot(command, args, signal);
  const folder = runFolderAt(root);
  const options = readOptions(command.options ?? noOptions, args);
  const { json } = readOptions(reportOptions, args);
  const hasRun = command.target !== "none" && isFolder(command, root);
  const { dryRun } = readOptions(configOptions, args);
  const restored = (hasRun && !dryRun && (await command.restore?.(folder))) || [];
  const config = hasRun ? await loadConfig(command, folder, args) : resolveConfig({});
  if (hasRun && command.checksConfig === true) await requireSameConfig(command, { folder, config, args });
  const { threads } = readOptions(threadOptions, command.hasThreads ? args : {});
  const runtime = openShippedRuntime({ numThreads: chooseThreads(threads, process.env) });
  return {
    root,
    folder,
    config,
    restored,
    options,
    json,
    signal,
    reporter,
    extraWords,
    runtime,
    stepOptions: { folder, config, runtime, takeOver: command.words[0] === "build" },
    context: openContext(worker, { reporter, signal }),
  };
}

/** What `--run` names. A run in a bucket can be used like a folder from now on; a `file:` URL is the path that it names. */
async function openRoot({ bucketRun, target }: Command, args: Arguments, signal: AbortSignal): Promise<string> {
  const named = String(args.run);
  if (target === "location" && /^file:/i.test(named)) return parseFolder(named, "RUN");
  return bucketRun === "opened" && isBucket(named) ? await mountRun(named, signal) : named;
}

/** Whether what is named is a folder, here or in a bucket: a URL has no configuration. */
function isFolder({ target }: Command, root: string): boolean {
  return target !== "location" || parseLocation(root).kind === "folder";
}

async function printConfig({ folder, config }: AnySession): Promise<void> {
  printJson({ hash: hashConfig(await plannedIdentity(folder, config)), config });
}

async function runStep(step: Step, { context, reporter }: AnySession): Promise<void> {
  context.signal.throwIfAborted();
  const total = (context.worldSize > 1 ? await step.totalOf?.(context) : undefined) ?? step.total;
  reporter.begin({ ...step, total });
  for await (const _ of step.run(context)) context.signal.throwIfAborted();
  reporter.end();
}

/** Defaults, overridden by what the run has pinned, by the recipe, by the config file, and by the flags. */
async function loadConfig(command: Command, folder: RunFolder, args: Arguments): Promise<Config> {
  // A run that others open is not what happens to lie at that path here.
  const pinned = command.bucketRun === "named" ? {} : await readRunConfig(folder);
  const { recipe } = readOptions(recipeOptions, args);
  const named = recipe === undefined ? {} : requireRecipe(recipe);
  const path = readOptions(configOptions, args).config;
  const file = path === undefined ? {} : await readConfigFile(path);
  const flags = readConfigFlags(flagsOf(command), args);
  return resolveConfig([named, file, flags].reduce(mergeConfigs, mergeConfigs(defaultsFor(args), pinned)));
}

/** Names the recipe in an error that says which values of the sampler differ: who gave it gave none of these. */
function nameRecipe(thrown: unknown, { recipe }: Arguments): unknown {
  if (typeof recipe !== "string" || !hasCode(thrown, "run/config-changed")) return thrown;
  const { message } = thrown;
  if (!message.includes(": sampler.") && !message.includes("; sampler.")) return thrown;
  return new Cifar5mError("run/config-changed", `--recipe ${recipe} is not the run's: ${message}`, { cause: thrown });
}

/** A generator from elsewhere is not guided unless somebody asks for it: it may have no class that stands for none. */
function defaultsFor({ generator }: Arguments): PartialConfig {
  return typeof generator === "string" && generator.endsWith(".onnx") ? { sampler: { guidance: 1 } } : {};
}

/** @throws Cifar5mError `run/config-changed` if flags name another data set than the run was begun with */
async function requireSameConfig(
  command: Command,
  { folder, config, args }: Pick<AnySession, "folder" | "config"> & { readonly args: Arguments },
): Promise<void> {
  const given = readConfigFlags(flagsOf(command), args);
  const pinned = Object.keys(given).length > 0 ? await readPinnedRun(folder) : undefined;
  if (pinned !== undefined) requireEqualRun(folder, pinned, config);
}

function openContext(worker: Worker, { reporter, signal }: Pick<AnySession, "reporter" | "signal">): StageContext {
  return {
    signal,
    ...worker,
    count: (name, by) => reporter.count(name, by),
    show: (name, value) => reporter.show(name, value),
    expect: (images) => reporter.expectImages(images),
    tell: (line) => reporter.line(line),
  };
}
