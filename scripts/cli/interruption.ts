import type { EventEmitter } from "node:events";
import { exitCodes } from "./exit-codes.ts";

/** Schedulers signal every process of a job, and `srun` signals its own once more. A repeat within this time is ignored. */
const repeatMs = 3000;

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** What asks a command to end. */
export interface Interruption {
  readonly signal: AbortSignal;
  /** Stops listening, except after a signal: then a late repeat must not end the process in another way. */
  stop(): void;
}

/**
 * The first SIGINT, SIGTERM or SIGHUP asks for a clean end. After it a SIGINT, which is a second Ctrl-C, ends at once, and
 * so do the others unless they come within three seconds.
 * @param options.onFirst - told once, before the signal is given on
 * @param options.atOnce - ends the process; for tests
 * @param options.clock - milliseconds since some time; for tests
 */
export function listenForInterruption(options: {
  readonly onFirst: () => void;
  readonly source?: EventEmitter;
  readonly atOnce?: () => void;
  readonly clock?: () => number;
}): Interruption {
  const { onFirst, source = process, atOnce = endAtOnce, clock = () => performance.now() } = options;
  const controller = new AbortController();
  let firstMs = 0;
  const listener = (name: (typeof signals)[number]) => {
    if (!controller.signal.aborted) {
      firstMs = clock();
      onFirst();
      controller.abort();
    } else if (name === "SIGINT" || clock() - firstMs > repeatMs) atOnce();
  };
  for (const name of signals) source.on(name, listener);
  return {
    signal: controller.signal,
    stop: () => {
      if (controller.signal.aborted) return;
      for (const name of signals) source.off(name, listener);
    },
  };
}

/** What is said of an interruption by commands that train. */
export const trainingInterruption = {
  stopping: "stopping after the current steps, with a checkpoint",
  stopped: "the newest checkpoint is kept. Run the same command again to go on.",
} as const;

/**
 * Ends the process by SIGINT, which a shell shows as 130. `process.exit` would stop the threads of a session that is
 * computing, and onnxruntime would abort.
 */
function endAtOnce(): void {
  if (process.stderr.isTTY) process.stderr.write("\n");
  process.removeAllListeners("SIGINT");
  process.kill(process.pid, "SIGINT");
  // The first process of a container ignores its own signals.
  process.exit(exitCodes.interrupted);
}
