import { expect, test } from "vitest";
import { tensorData } from "../../engine/graph/tensor.ts";
import { onnxruntimeEngine } from "../../engine/onnxruntime/onnxruntime-engine.ts";
import { Trainer } from "../../engine/training/trainer.ts";
import { buildExperimentProgram, evaluationBatchSize } from "../../experiments/experiment-program.ts";
import { metricsOf } from "../../experiments/metrics.ts";
import { runOptionsSchema } from "../../experiments/run-options.ts";
import { randomImages } from "../support/small-training.ts";

test("the loss that is trained by squared error is the one that is measured: summed over classes, averaged over images", async () => {
  const [batchSize, numClasses] = [evaluationBatchSize, 4];
  // A network without batch normalization, so that training and evaluation give the same outputs.
  const network = { name: "vit", patch: 16, dim: 8, depth: 1, heads: 1, mlp: 8 };
  const options = runOptionsSchema.parse({ network, batchSize, loss: "mse" });
  const program = buildExperimentProgram(options, numClasses);
  const engine = onnxruntimeEngine();
  const trainer = await Trainer.create({ program: program.training, engine, residents: {}, seed: 1 });
  const images = tensorData("uint8", [batchSize, 32, 32, 3], randomImages(batchSize));
  const labels = Int32Array.from({ length: batchSize }, (_, index) => index % numClasses);
  const targets = Float32Array.from({ length: batchSize * numClasses }, (_, index) =>
    index % numClasses === labels[Math.floor(index / numClasses)] ? 1 : 0,
  );
  const { vectors } = trainer.state;
  const parameters = tensorData("float32", [vectors["parameters"]!.length], vectors["parameters"]!);
  const { result } = await (await engine.compile(program.evaluation)).run({ images, parameters });
  const [loss] = await trainer.advance([{ learningRate: 0, emaDecay: [], values: { images: images.data, targets } }]);
  await trainer.release();
  const measured = metricsOf(result!.data as Float32Array, labels, numClasses, "mse");
  expect(loss! / measured.loss).toBeCloseTo(1, 5);
});
