import { Cifar5mError } from "../../core/errors.ts";
import { shippedRuntime } from "../../pipeline/models/shipped-runtime.ts";
import { type Config, mergeConfigs, resolveConfig } from "../../pipeline/run/config.ts";
import { requireRecipe } from "../../pipeline/run/recipes.ts";
import { datasetIdentity, readRunConfig } from "../../pipeline/run/run.ts";
import type { StageContext } from "../../pipeline/run/stage.ts";
import type { Step } from "../../pipeline/run/step.ts";
import { hashConfig } from "../../storage/canonical-json.ts";
import type { Command, Session } from "./command.ts";
import { configFromFlags, readConfigFile } from "./config-flags.ts";
import { exitCodes, reportError } from "./exit-codes.ts";
import { listenForInterruption } from "./interruption.ts";
import { closeLostTerminal } from "./lost-terminal.ts";
import { printJson } from "./print.ts";
import { Reporter } from "./reporter.ts";

/**
 * Runs a command whose arguments were parsed.
 * @returns the exit code
 */
export async function executeCommand(command: Command, args: Readonly<Record<string, unknown>>): Promise<number> {
  const verbose = args.verbose === true;
  const reporter = new Reporter({
    stream: process.stderr,
    verbosity: args.quiet === true ? "quiet" : verbose ? "verbose" : "normal",
  });
  const stopping = command.interruption?.stopping ?? "stopping after the current batch";
  const interruption = listenForInterruption({
    onFirst: () => reporter.interrupt(`${stopping}; press again to stop at once`),
  });
  // Whoever reads us may stop reading: `cifar5m inspect | head`.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
  // A terminal that was closed takes no more progress; the work ends in order all the same.
  process.stderr.on("error", () => undefined);
  process.once("exit", closeLostTerminal);
  try {
    const root = command.folderless ? "." : String(args.run);
    const config = command.folderless ? resolveConfig({}) : await loadConfig(command, root, args);
    const context = contextOf(args, { config, reporter, signal: interruption.signal });
    const session: Session = {
      root,
      config,
      runtime: shippedRuntime,
      stepOptions: { root, config, runtime: shippedRuntime, help: command.words[0] === "build" },
      signal: interruption.signal,
      reporter,
      option: (name) => (typeof args[name] === "string" ? args[name] : undefined),
      flag: (name) => (typeof args[name] === "boolean" ? args[name] : undefined),
      context,
    };
    if (args["dry-run"] === true) {
      await (command.dryRun ?? printConfig)(session);
      return exitCodes.success;
    }
    for (const step of (await command.steps?.(session)) ?? []) await runStep(step, context, reporter);
    await command.finish?.(session);
    return exitCodes.success;
  } catch (thrown) {
    reporter.stop();
    return reportError(thrown, { verbose, signal: interruption.signal, stopped: command.interruption?.stopped });
  } finally {
    interruption.stop();
  }
}

async function printConfig({ config }: Session): Promise<void> {
  printJson({ hash: hashConfig(datasetIdentity(config)), config });
}

async function runStep(step: Step, context: StageContext, reporter: Reporter): Promise<void> {
  context.signal.throwIfAborted();
  reporter.begin(step);
  for await (const _ of step.run(context)) context.signal.throwIfAborted();
  reporter.end();
}

/** Defaults, under what the run has pinned, under the recipe, under the config file, under the flags. */
async function loadConfig(command: Command, root: string, args: Readonly<Record<string, unknown>>): Promise<Config> {
  const pinned = await readRunConfig(root);
  const recipe = typeof args.recipe === "string" ? requireRecipe(args.recipe) : {};
  const file = typeof args.config === "string" ? await readConfigFile(args.config) : {};
  const flags = configFromFlags(command.configKeys, args);
  return resolveConfig([recipe, file, flags].reduce(mergeConfigs, pinned));
}

function contextOf(
  args: Readonly<Record<string, unknown>>,
  session: Pick<Session, "config" | "reporter" | "signal">,
): StageContext {
  const { config, reporter, signal } = session;
  const worldSize = wholeNumber("world-size", args["world-size"] ?? "1", 1, 1_000_000);
  return {
    seed: config.seed,
    worldSize,
    rank: wholeNumber("rank", args.rank ?? "0", 0, worldSize - 1),
    signal,
    count: (name, by) => reporter.count(name, by),
    show: (name, value) => reporter.show(name, value),
  };
}

function wholeNumber(flag: string, text: unknown, low: number, high: number): number {
  const value = Number(text);
  if (text !== "" && Number.isInteger(value) && value >= low && value <= high) return value;
  throw new Cifar5mError(
    "usage/out-of-range",
    `--${flag} must be an integer in [${low}, ${high}], got ${String(text)}. Ranks count from 0 to --world-size − 1.`,
  );
}
