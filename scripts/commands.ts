import type { Command } from "./cli/command.ts";

/**
 * Loaders of all commands by their first word, in the order of the data. A command is loaded when it is asked for: all of
 * them together take a second.
 */
const commandLoaders: Readonly<Record<string, () => Promise<readonly Command[]>>> = {
  build: async () => [(await import("./build.ts")).buildCommand],
  fetch: async () => [(await import("./fetch.ts")).fetchCommand],
  train: async () => [
    (await import("./train-generator.ts")).trainGeneratorCommand,
    (await import("./train-labeler.ts")).trainLabelerCommand,
  ],
  prepare: async () => [(await import("./prepare.ts")).prepareCommand],
  submit: async () => [
    (await import("./submit-slurm.ts")).submitSlurmCommand,
    (await import("./submit-kubernetes.ts")).submitKubernetesCommand,
  ],
  status: async () => [(await import("./status.ts")).statusCommand],
  sample: async () => [(await import("./sample.ts")).sampleCommand],
  label: async () => [(await import("./label.ts")).labelCommand],
  dedup: async () => [(await import("./dedup.ts")).dedupCommand],
  publish: async () => [(await import("./publish.ts")).publishCommand],
  finish: async () => [(await import("./finish.ts")).finishCommand],
  verify: async () => [(await import("./verify.ts")).verifyCommand],
  repair: async () => [(await import("./repair.ts")).repairCommand],
  regenerate: async () => [(await import("./regenerate.ts")).regenerateCommand],
  card: async () => [(await import("./card.ts")).cardCommand],
  inspect: async () => [(await import("./inspect.ts")).inspectCommand],
  audit: async () => [(await import("./audit.ts")).auditCommand],
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
    (await import("./setup-onnxruntime.ts")).setupOnnxruntimeCommand,
    (await import("./setup-cuda.ts")).setupCudaCommand,
    (await import("./setup-tensorflow.ts")).setupTensorFlowCommand,
  ],
};

/**
 * The commands that a command line may mean.
 * @param argv - those of its first word, if that names some; else all, to be listed or to find the nearest
 */
export async function loadCommands(argv: readonly string[] = []): Promise<readonly Command[]> {
  const isCompletion = argv[0] === "--get-yargs-completions";
  const words = isCompletion ? argv.slice(2) : argv;
  const word = words.find((argument) => !argument.startsWith("-")) ?? "";
  const named = Object.hasOwn(commandLoaders, word) ? commandLoaders[word] : undefined;
  const loaders = named === undefined ? Object.values(commandLoaders) : [named];
  return (await Promise.all(loaders.map((load) => load()))).flat();
}
