#!/usr/bin/env node
import type { Command } from "./cli/command.ts";
import { runCommands } from "./cli/run-commands.ts";

/** All commands by their first word, in the order of the data. Each is loaded when it is asked for: all together take a second. */
const commands: Readonly<Record<string, () => Promise<readonly Command[]>>> = {
  build: async () => [(await import("./build.ts")).buildCommand],
  fetch: async () => [(await import("./fetch.ts")).fetchCommand],
  train: async () => [
    (await import("./train-generator.ts")).trainGeneratorCommand,
    (await import("./train-labeler.ts")).trainLabelerCommand,
  ],
  sample: async () => [(await import("./sample.ts")).sampleCommand],
  label: async () => [(await import("./label.ts")).labelCommand],
  dedup: async () => [(await import("./dedup.ts")).dedupCommand],
  publish: async () => [(await import("./publish.ts")).publishCommand],
  verify: async () => [(await import("./verify.ts")).verifyCommand],
  repair: async () => [(await import("./repair.ts")).repairCommand],
  regenerate: async () => [(await import("./regenerate.ts")).regenerateCommand],
  inspect: async () => [(await import("./inspect.ts")).inspectCommand],
  score: async () => [(await import("./score.ts")).scoreCommand],
  "score-generator": async () => [(await import("./score-generator.ts")).scoreGeneratorCommand],
  serve: async () => [(await import("./serve.ts")).serveCommand],
  import: async () => [(await import("./import.ts")).importCommand],
  export: async () => [(await import("./export.ts")).exportCommand],
  experiment: async () => {
    const found = await import("./experiment.ts");
    return [
      found.experimentRunCommand,
      found.experimentListCommand,
      found.experimentCompareCommand,
      found.experimentReportCommand,
    ];
  },
  doctor: async () => [(await import("./doctor.ts")).doctorCommand],
  setup: async () => [
    (await import("./setup-cuda.ts")).setupCudaCommand,
    (await import("./setup-tensorflow.ts")).setupTensorFlowCommand,
  ],
};

const argv = process.argv.slice(2);
const word = argv.find((argument) => !argument.startsWith("-")) ?? "";
const asked = Object.hasOwn(commands, word) ? commands[word] : undefined;
const loaders = asked === undefined ? Object.values(commands) : [asked];
process.exitCode = await runCommands((await Promise.all(loaders.map((load) => load()))).flat(), argv, { named: true });
