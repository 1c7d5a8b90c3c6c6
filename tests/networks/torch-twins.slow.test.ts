import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fillNormals, randomStreams } from "../../core/random.ts";
import { crossEntropy, oneHot } from "../../engine/composites/losses.ts";
import type { Feeds } from "../../engine/executor.ts";
import { Graph } from "../../engine/graph/graph.ts";
import { type TensorData, tensorData } from "../../engine/graph/tensor.ts";
import { onnxruntimeEngine } from "../../engine/onnxruntime/onnxruntime-engine.ts";
import { constantScope, type Weights } from "../../engine/parameters/constant-scope.ts";
import { type ParameterSpec, unflattenParameters } from "../../engine/parameters/parameters.ts";
import { writeSafetensors } from "../../engine/parameters/safetensors.ts";
import { inputName, traceParameters } from "../../engine/parameters/trace-parameters.ts";
import { sgd } from "../../engine/training/optimizers.ts";
import { Trainer } from "../../engine/training/trainer.ts";
import { buildTrainingProgram, type TrainingProgram } from "../../engine/training/training-program.ts";
import { initialState, stateFromWeights } from "../../engine/training/training-state.ts";
import {
  buildExperimentNetwork,
  type ExperimentNetworkOptions,
  experimentNetworkSchema,
} from "../../networks/experiment-networks.ts";
import { findPythonModules, runPython } from "../support/run-python.ts";

/** The results of PyTorch for a network. */
interface Answer {
  readonly evaluated: number[];
  readonly trained: number[];
  readonly losses: number[];
  readonly weights: Readonly<Record<string, number[]>>;
}

const engine = onnxruntimeEngine({ numThreads: 1 });
const batchSize = 6;
const numSteps = 2;
const learningRate = 0.05;
const optimizer = { momentum: 0.9, nesterov: true, weightDecay: 0.01 };

const networks: readonly Readonly<Record<string, unknown>>[] = [
  { name: "mlp", width: 24, depth: 2 },
  { name: "mcnn", width: 4 },
  { name: "resnet18k", width: 4, numClasses: 4 },
  { name: "vgg11", width: 4 },
  { name: "vit", patch: 8, dim: 24, depth: 2, heads: 3, mlp: 40 },
  { name: "densenet", growth: 4, depths: [2, 3], compression: 0.6 },
];

const missing = ["numpy", "torch"].filter((name) => !findPythonModules(["numpy", "torch"]).has(name));

const images = normals([batchSize, 3, 32, 32], 0);
const labels = tensorData("int64", [batchSize], [0, 3, 1, 2, 0, 3]);
const answers = new Map<unknown, Answer>();
let folder: string;

beforeAll(async () => {
  if (missing.length > 0) return;
  folder = await mkdtemp(join(tmpdir(), "cifar5m-twins-"));
  const paths = networks.map((_, index) => join(folder, `${index}.safetensors`));
  await Promise.all(networks.map((network, index) => writeFile(paths[index]!, caseOf(network))));
  const lines = (await runPython("networks/run_torch_networks.py", paths)).trim().split("\n");
  networks.forEach((network, index) => {
    answers.set(network, JSON.parse(lines[index]!) as Answer);
  });
});

afterAll(async () => {
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

describe.each(networks)("$name and its twin in PyTorch with the same weights", (network) => {
  const options = experimentNetworkSchema.parse(network);
  const program = programOf(options);
  const weights = weightsOf(program);

  test("gives the same logits with running statistics to 1e-4", async ({ skip }) => {
    skip(missing.length > 0, `python3 has no ${missing.join(", ")}`);
    const graph = new Graph();
    graph.output("logits", buildExperimentNetwork(constantScope(graph, weights), graph.constant(images), options));
    expectClose((await run(graph))["logits"]!.data, answers.get(network)!.evaluated);
  });

  test("gives the same logits with batch statistics to 1e-4", async ({ skip }) => {
    skip(missing.length > 0, `python3 has no ${missing.join(", ")}`);
    const { graph } = traceParameters((scope, training) =>
      training.output("logits", buildExperimentNetwork(scope, training.constant(images), options)),
    );
    const isState = (name: string) => program.states.some((spec) => spec.name === name);
    const values = [...weights].map(([name, { shape, data }]) => [
      inputName(isState(name) ? "state" : "parameter", name),
      float32(shape, data),
    ]);
    expectClose((await run(graph, Object.fromEntries(values)))["logits"]!.data, answers.get(network)!.trained);
  });

  test("has the same losses, weights and running statistics after two steps of SGD to 1e-4", async ({ skip }) => {
    skip(missing.length > 0, `python3 has no ${missing.join(", ")}`);
    const state = stateFromWeights(program, 1, weights);
    const trainer = await Trainer.create({ program, engine, residents: {}, seed: 1, state });
    const values = { images: images.data, labels: labels.data };
    const steps = Array.from({ length: numSteps }, () => ({ learningRate, emaDecay: 0, values }));
    const losses = await trainer.advance(steps);
    const { vectors } = trainer.state;
    await trainer.release();
    const answer = answers.get(network)!;
    expectClose(losses, answer.losses);
    const after = new Map([
      ...unflattenParameters(program.parameters, vectors["parameters"]!),
      ...unflattenParameters(program.states, vectors["states"] ?? new Float32Array()),
    ]);
    expect([...after.keys()].sort()).toEqual(Object.keys(answer.weights).sort());
    for (const [name, { data }] of after) expectClose(data, answer.weights[name]!, name);
  });
});

function programOf(options: ExperimentNetworkOptions): TrainingProgram {
  return buildTrainingProgram({
    residents: {},
    step: { images: { dtype: "float32", shape: images.shape }, labels: { dtype: "int64", shape: labels.shape } },
    optimizer: sgd(optimizer),
    stepsPerCall: numSteps,
    loss: ({ scope, step }) => {
      const logits = buildExperimentNetwork(scope, step["images"]!, options);
      return crossEntropy(logits, oneHot(step["labels"]!, options.numClasses));
    },
  });
}

/** Initial weights that are neither zero nor one, and running statistics that differ from those of any batch. */
function weightsOf(program: TrainingProgram): Weights {
  const parameters = unflattenParameters(program.parameters, initialState(program, 3).vectors["parameters"]!);
  [...parameters.values()].forEach(({ data }, index) => {
    const noise = normals([data.length], 100 + index).data as Float32Array;
    for (let i = 0; i < data.length; i++) data[i]! += 0.1 * noise[i]!;
  });
  const states = program.states.map(({ name, shape }, index) => {
    const noise = normals(shape, 1000 + index).data as Float32Array;
    const data = name.endsWith("variance") ? noise.map((value) => 0.5 + value ** 2) : noise.map((value) => 0.2 * value);
    return [name, { shape, data }] as const;
  });
  return new Map([...parameters, ...states]);
}

function caseOf(network: Readonly<Record<string, unknown>>): Uint8Array {
  const options = experimentNetworkSchema.parse(network);
  const program = programOf(options);
  const namesOf = (decay: boolean) =>
    program.parameters.filter((spec: ParameterSpec) => spec.decay === decay).map(({ name }) => name);
  const training = {
    ...optimizer,
    learningRate,
    steps: numSteps,
    decayed: namesOf(true),
    undecayed: namesOf(false),
  };
  const inputs = new Map([
    ["input.images", { shape: images.shape, data: images.data as Float32Array }],
    ["input.labels", { shape: labels.shape, data: Float32Array.from(labels.data as BigInt64Array, Number) }],
  ]);
  const metadata = { network: JSON.stringify(options), training: JSON.stringify(training) };
  return writeSafetensors({ tensors: new Map([...weightsOf(program), ...inputs]), metadata }, "F32");
}

async function run(graph: Graph, feeds: Feeds = {}): Promise<Record<string, TensorData>> {
  const executable = await engine.compile(graph);
  const results = await executable.run(feeds);
  await executable.release();
  return results;
}

function normals(shape: readonly number[], id: number): TensorData {
  const data = new Float32Array(shape.reduce((product, extent) => product * extent, 1));
  fillNormals({ seed: 21, stream: randomStreams.sampleNoise, id }, data);
  return float32(shape, data);
}

function float32(shape: readonly number[], data: Float32Array): TensorData {
  return { dtype: "float32", shape, data };
}

/** Expects all numbers to agree, relative to the largest one, or to 1 if that is larger. */
function expectClose(found: ArrayLike<number | bigint>, expected: readonly number[], what?: string): void {
  expect(found.length).toBe(expected.length);
  const scale = expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1);
  const std = expected.reduce((largest, value, index) => Math.max(largest, Math.abs(value - Number(found[index]))), 0);
  expect(std / scale, what).toBeLessThan(1e-4);
}
