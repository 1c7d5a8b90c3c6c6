/** Our side of the benchmark of experiment networks, as a process: `node networks-contestant.js THREADS CASE`. */

import { readFile } from "node:fs/promises";
import { tensorData } from "../../engine/graph/tensor.ts";
import { onnxruntimeEngine } from "../../engine/onnxruntime/onnxruntime-engine.ts";
import { readSafetensors } from "../../engine/parameters/safetensors.ts";
import { type StepInputs, Trainer } from "../../engine/training/trainer.ts";
import { stateFromWeights } from "../../engine/training/training-state.ts";
import { experimentNetworkSchema } from "../../networks/experiment-networks.ts";
import { measure, serveContestant } from "../harness/contender.ts";
import { batchSize, benchmarkProgram, learningRate, numSamples, seed, stepsPerRound } from "./networks-case.ts";

const [, , threads, casePath] = process.argv;
const { tensors, metadata } = readSafetensors(await readFile(casePath!), "the benchmark's case");
const program = benchmarkProgram(experimentNetworkSchema.parse(JSON.parse(metadata["network"]!)));
const indicesOf = (start: number, count: number) =>
  Array.from({ length: count }, (_, index) => (start + index) % numSamples);
const trainer = await Trainer.create({
  program,
  engine: onnxruntimeEngine({ numThreads: Number(threads) }),
  residents: {
    images: tensorData("uint8", [numSamples, 32, 32, 3], Uint8Array.from(tensors.get("data.images")!.data)),
    labels: tensorData(
      "int64",
      [numSamples],
      indicesOf(0, numSamples).map((index) => index % 10),
    ),
  },
  seed,
  state: stateFromWeights(program, seed, tensors),
});

function nextSteps(): StepInputs[] {
  return Array.from({ length: stepsPerRound }, (_, offset) => ({
    learningRate,
    emaDecay: 0,
    values: { indices: BigInt64Array.from(indicesOf((trainer.state.step + offset) * batchSize, batchSize), BigInt) },
  }));
}

await serveContestant({
  round: () => measure(stepsPerRound * batchSize, () => trainer.advance(nextSteps())),
  check: () => trainer.advance(nextSteps()),
});
