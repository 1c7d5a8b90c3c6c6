import * as z from "zod";
import { openShippedRuntime } from "../../pipeline/models/shipped-runtime.ts";
import { type Config, mergeConfigs, resolveConfig } from "../../pipeline/run/config.ts";
import { requireRecipe } from "../../pipeline/run/recipes.ts";
import { plannedIdentity, readRunConfig } from "../../pipeline/run/run.ts";
import { type RunFolder, runFolderAt } from "../../pipeline/run/run-folder.ts";
import type { StageContext } from "../../pipeline/run/stage.ts";
import type { Step } from "../../pipeline/run/step.ts";
import { hashConfig } from "../../storage/canonical-json.ts";
import { parseLocation } from "../../storage/parse-location.ts";
import type { Command, Session } from "./command.ts";
import { readConfigFile } from "./config-file.ts";
import { exitCodes, reportError } from "./exit-codes.ts";
import { flagsOf } from "./flags.ts";
import { listenForInterruption } from "./interruption.ts";
import {
  configOptions,
  generalOptions,
  recipeOptions,
  reportOptions,
  threadOptions,
  workerOptions,
} from "./options.ts";
import { printJson } from "./print.ts";
import { type Arguments, readConfigFlags, readOptions } from "./read-arguments.ts";
import { Reporter } from "./reporter.ts";
import { chooseThreads } from "./threads.ts";
import { usageOutOfRange } from "./usage-error.ts";

const noOptions = z.object({});

/**
 * Runs a command whose arguments were parsed.
 * @returns the exit code
 */
export async function executeCommand(command: Command, args: Arguments): Promise<number> {
  const { verbose, quiet } = readOptions(generalOptions, args);
  const reporter = new Reporter({
    stream: process.stderr,
    verbosity: quiet ? "quiet" : verbose ? "verbose" : "normal",
  });
  const stopping = command.interruption?.stopping ?? "stopping after the current batch";
  const interruption = listenForInterruption({
    onFirst: () => reporter.interrupt(`${stopping}; press again to stop at once`),
  });
  try {
    const session = await openSession(command, args, { reporter, signal: interruption.signal });
    if (readOptions(configOptions, args).dryRun) {
      await (command.dryRun?.(session) ?? printConfig(session));
      return exitCodes.success;
    }
    for (const step of (await command.steps?.(session)) ?? []) await runStep(step, session);
    await command.finish?.(session);
    return exitCodes.success;
  } catch (thrown) {
    reporter.stop();
    return reportError(thrown, { verbose, signal: interruption.signal, stopped: command.interruption?.stopped });
  } finally {
    interruption.stop();
  }
}

type AnySession = Session<Record<string, unknown>>;

async function openSession(
  command: Command,
  args: Arguments,
  { reporter, signal }: Pick<AnySession, "reporter" | "signal">,
): Promise<AnySession> {
  const root = command.target === "none" ? "." : String(args.run);
  const folder = runFolderAt(root);
  const options = readOptions(command.options ?? noOptions, args);
  const { json } = readOptions(reportOptions, args);
  const hasRun = command.target !== "none" && isFolder(command, root);
  const config = hasRun ? await loadConfig(command, folder, args) : resolveConfig({});
  const { threads } = readOptions(threadOptions, command.hasThreads ? args : {});
  const runtime = openShippedRuntime({ numThreads: chooseThreads(threads, process.env) });
  return {
    ...{ root, folder, config, options, json, signal, reporter, runtime },
    stepOptions: { folder, config, runtime, takeOver: command.words[0] === "build" },
    context: openContext(args, { config, reporter, signal }),
  };
}

/** Whether what is named is on this machine: a URL has no configuration. */
function isFolder({ target }: Command, root: string): boolean {
  return target !== "location" || parseLocation(root).kind === "folder";
}

async function printConfig({ folder, config }: AnySession): Promise<void> {
  printJson({ hash: hashConfig(await plannedIdentity(folder, config)), config });
}

async function runStep(step: Step, { context, reporter }: AnySession): Promise<void> {
  context.signal.throwIfAborted();
  reporter.begin(step);
  for await (const _ of step.run(context)) context.signal.throwIfAborted();
  reporter.end();
}

/** Defaults, overridden by what the run has pinned, by the recipe, by the config file, and by the flags. */
async function loadConfig(command: Command, folder: RunFolder, args: Arguments): Promise<Config> {
  const pinned = await readRunConfig(folder);
  const { recipe } = readOptions(recipeOptions, args);
  const named = recipe === undefined ? {} : requireRecipe(recipe);
  const path = readOptions(configOptions, args).config;
  const file = path === undefined ? {} : await readConfigFile(path);
  const flags = readConfigFlags(flagsOf(command), args);
  return resolveConfig([named, file, flags].reduce(mergeConfigs, pinned));
}

function openContext(
  args: Arguments,
  { config, reporter, signal }: Pick<AnySession, "config" | "reporter" | "signal">,
): StageContext {
  const { rank, worldSize } = readOptions(workerOptions, args);
  if (rank >= worldSize) {
    throw usageOutOfRange(
      "rank",
      `must be an integer in [0, ${worldSize - 1}]`,
      rank,
      "Ranks count from 0 to --world-size − 1.",
    );
  }
  return {
    ...{ seed: config.seed, worldSize, rank, signal },
    count: (name, by) => reporter.count(name, by),
    show: (name, value) => reporter.show(name, value),
  };
}
