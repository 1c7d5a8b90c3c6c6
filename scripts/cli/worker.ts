import * as z from "zod";
import { Cifar5mError } from "../../core/errors.ts";
import { parseWithSchema } from "../../core/parse-with-schema.ts";
import type { Command } from "./command.ts";
import { ranksAdvice, workerOptions } from "./options.ts";
import { type Arguments, readOptions } from "./read-arguments.ts";

/** Which of several workers this process is, and until when it may work. */
export interface Worker {
  readonly rank: number;
  readonly worldSize: number;
  /** Milliseconds since 1970; undefined without a limit. */
  readonly deadlineMs?: number;
}

/** What the scripts of schedulers say, by the keys of the options that it stands for. */
const variables = { rank: "CIFAR5M_RANK", worldSize: "CIFAR5M_WORLD_SIZE", deadline: "CIFAR5M_DEADLINE" } as const;

const environmentSchema = z.object({
  rank: workerOptions.shape.rank.optional(),
  worldSize: workerOptions.shape.worldSize.optional(),
  deadline: z.int().min(0).optional().describe("seconds since 1970"),
});

/**
 * The worker that flags name, or else the environment. A command that one process does alone is always the only worker.
 * @throws Cifar5mError `usage/out-of-range`
 */
export function readWorker(
  { hasWorkers }: Pick<Command, "hasWorkers">,
  args: Arguments,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Worker {
  const { deadline, ...ofEnvironment } = hasWorkers === true ? readEnvironment(environment) : {};
  const given = readOptions(workerOptions, args);
  const rank = args.rank === undefined ? (ofEnvironment.rank ?? given.rank) : given.rank;
  const worldSize = args["world-size"] === undefined ? (ofEnvironment.worldSize ?? given.worldSize) : given.worldSize;
  if (rank >= worldSize) {
    throw new Cifar5mError(
      "usage/out-of-range",
      `--rank must be an integer in [0, ${worldSize - 1}], got ${rank}. ${ranksAdvice}`,
    );
  }
  if (hasWorkers !== true) return { rank: 0, worldSize: 1 };
  return { rank, worldSize, ...(deadline === undefined ? {} : { deadlineMs: 1000 * deadline }) };
}

function readEnvironment(environment: Readonly<Record<string, string | undefined>>) {
  const given = Object.entries(variables).flatMap(([key, name]) => {
    const text = environment[name]?.trim() ?? "";
    return text === "" ? [] : [[key, /^\d+$/.test(text) ? Number(text) : text] as const];
  });
  return parseWithSchema(environmentSchema, Object.fromEntries(given), {
    area: "usage",
    owner: "the environment",
    nameOf: (key) => variables[key as keyof typeof variables],
    show: String,
    adviceOf: () => "Set it to a number, or unset it.",
  });
}

/** `rank 3/64`, for lines of progress; undefined for a worker that is alone. */
export function describeWorker({ rank, worldSize }: Worker): string | undefined {
  return worldSize === 1 ? undefined : `rank ${rank}/${worldSize}`;
}
