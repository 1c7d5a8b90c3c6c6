/** Our side of the U-Net benchmark, as a process: `node unet-contestant.js forward|train THREADS CASE [ENGINE] [DEVICE] [PRECISION]`. */

import { readFile } from "node:fs/promises";
import { createEngine } from "../../engine/create-engine.ts";
import type { EngineName, Precision } from "../../engine/executor.ts";
import { forEachBatch } from "../../engine/for-each-batch.ts";
import { tensorData } from "../../engine/graph/tensor.ts";
import type { Weights } from "../../engine/parameters/constant-scope.ts";
import { totalSize } from "../../engine/parameters/parameters.ts";
import { type StepInputs, Trainer } from "../../engine/training/trainer.ts";
import type { TrainingProgram } from "../../engine/training/training-program.ts";
import { initialState } from "../../engine/training/training-state.ts";
import { type Contestant, measure, serveContestant } from "../harness/contender.ts";
import {
  benchmarkProgram,
  emaDecay,
  forwardGraph,
  learningRate,
  numSamples,
  readCase,
  seed,
  stepIndices,
} from "./unet-case.ts";

async function forwardContestant(caseFile: Uint8Array): Promise<Contestant> {
  const { tensors, sizes } = readCase(caseFile);
  const { batchSize, imagesPerRun, callsPerRound } = sizes;
  const executable = await engine.compile(forwardGraph(tensors, sizes), "throughput");
  const input = (name: string) => tensors.get(`input.${name}`)!.data as Float32Array;
  const [x, noise, classes] = [input("x"), input("noise"), BigInt64Array.from(input("classes"), BigInt)];
  const forward = async () => {
    const result = new Float32Array(x.length);
    const size = x.length / batchSize;
    const { concurrency } = executable;
    await forEachBatch({ numItems: batchSize, batchSize: imagesPerRun, concurrency }, async (start, end) => {
      const { y } = await executable.run({
        x: { dtype: "float32", shape: [imagesPerRun, 3, 32, 32], data: x.slice(start * size, end * size) },
        noise: { dtype: "float32", shape: [imagesPerRun], data: noise.slice(start, end) },
        classes: { dtype: "int64", shape: [imagesPerRun], data: classes.slice(start, end) },
      });
      result.set(y!.data as Float32Array, start * size);
    });
    return result;
  };
  return {
    round: () =>
      measure(callsPerRound * batchSize, async () => {
        for (let call = 0; call < callsPerRound; call++) await forward();
      }),
    check: forward,
  };
}

async function trainContestant(caseFile: Uint8Array): Promise<Contestant> {
  const { tensors, sizes } = readCase(caseFile);
  const { batchSize, stepsPerRound } = sizes;
  const program = benchmarkProgram(sizes, { scalesLoss: precision === "mixed" });
  const parameters = flatten(program, tensors);
  const trainer = await Trainer.create({
    program,
    engine,
    residents: {
      images: tensorData("uint8", [numSamples, 32, 32, 3], Array.from(tensors.get("data.images")!.data)),
      classes: tensorData(
        "int64",
        [numSamples],
        Array.from({ length: numSamples }, (_, index) => index % 10),
      ),
    },
    seed,
    state: {
      step: 0,
      vectors: {
        ...initialState(program, seed).vectors,
        parameters,
        average: parameters.slice(),
      },
    },
  });
  const nextSteps = (): StepInputs[] =>
    Array.from({ length: stepsPerRound }, (_, offset) => ({
      learningRate,
      emaDecay,
      values: { indices: BigInt64Array.from(stepIndices(trainer.state.step + offset, batchSize), BigInt) },
    }));
  return {
    round: () => measure(stepsPerRound * batchSize, () => trainer.advance(nextSteps())),
    check: () => trainer.advance(nextSteps()),
  };
}

function flatten(program: TrainingProgram, tensors: Weights): Float32Array {
  const all = new Float32Array(totalSize(program.parameters));
  let offset = 0;
  for (const { name } of program.parameters) {
    const { data } = tensors.get(name)!;
    all.set(data, offset);
    offset += data.length;
  }
  return all;
}

const [, , kind, threads, casePath, engineName = "onnxruntime", device = "cpu", precision = "float32"] = process.argv;
const engine = await createEngine(engineName as EngineName, {
  device,
  numThreads: Number(threads),
  precision: precision as Precision,
});
const caseFile = await readFile(casePath!);
await serveContestant(await (kind === "train" ? trainContestant : forwardContestant)(caseFile));
