import type { Engine } from "../../engine/executor.ts";
import { Graph } from "../../engine/graph/graph.ts";
import { zeros } from "../../engine/graph/tensor.ts";
import { constantScope } from "../../engine/parameters/constant-scope.ts";
import { readGenerator } from "../../generator/read-generator.ts";
import { unet } from "../../networks/unet.ts";
import { findBatchSize, type Trial } from "../models/find-batch-size.ts";
import type { NetworkSpeed, ProbeTarget } from "./probe-task.ts";

/**
 * Times the network of a generator for a few seconds, with one call per image. On a GPU it first chooses a suitable
 * batch size.
 * @param weights - a safetensors file
 */
export async function measureNetwork(engine: Engine, target: ProbeTarget, weights: Uint8Array): Promise<NetworkSpeed> {
  const { tensors, network } = readGenerator(weights);
  // Plain JavaScript takes a second per image.
  const fixed = target.packageName === "@tensorflow/tfjs" ? 1 : engine.device === "cpu" ? 16 : undefined;
  return await findBatchSize({
    start: fixed ?? 32,
    most: fixed ?? 2048,
    milliseconds: fixed === undefined ? 400 : 1500,
    open: async (batchSize): Promise<Trial> => {
      const graph = new Graph();
      const images = graph.input("images", "float32", [batchSize, 3, 32, 32]);
      const noise = graph.input("noise", "float32", [batchSize]);
      const classes = network.numClasses === 0 ? undefined : graph.input("classes", "int64", [batchSize]);
      graph.output("y", unet(constantScope(graph, tensors), images, noise, classes, { ...network, dropout: 0 }));
      const executable = await engine.compile(graph, "throughput");
      const feeds = Object.fromEntries(graph.inputs.map(({ name, dtype, shape }) => [name, zeros(dtype, shape)]));
      const { concurrency } = executable;
      return {
        numImages: batchSize * concurrency,
        run: () => Promise.all(Array.from({ length: concurrency }, () => executable.run(feeds))),
        close: () => executable.release(),
      };
    },
  });
}
