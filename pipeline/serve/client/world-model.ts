import type * as TensorFlow from "@tensorflow/tfjs";
import type { ExperimentPlan } from "./experiment-plan.ts";

/** Images, uint8, shape [n, 32, 32, 3] flattened, and their labels. */
export interface Labeled {
  readonly images: Uint8Array;
  readonly labels: ArrayLike<number>;
}

/** Images that are measured at once. */
const measuredAtOnce = 100;
const momentum = 0.9;

/** The network of one world, trained by SGD with momentum and a cosine of the learning rate. */
export class WorldModel {
  readonly #tf: typeof TensorFlow;
  readonly #plan: ExperimentPlan;
  readonly #numClasses: number;
  readonly #network: TensorFlow.Sequential;
  readonly #optimizer: TensorFlow.MomentumOptimizer;

  constructor(tf: typeof TensorFlow, plan: ExperimentPlan, numClasses: number) {
    this.#tf = tf;
    this.#plan = plan;
    this.#numClasses = numClasses;
    this.#network = makeNetwork(tf, plan, numClasses);
    this.#optimizer = tf.train.momentum(plan.learningRate, momentum);
  }

  /** One step of training. @param step - from 0 */
  train(batch: Labeled, step: number): void {
    const tf = this.#tf;
    const { learningRate, numBatches } = this.#plan;
    const rate = (learningRate * (1 + Math.cos((Math.PI * step) / Math.max(1, numBatches)))) / 2;
    this.#optimizer.setLearningRate(rate);
    tf.tidy(() => {
      const images = toImages(tf, batch.images);
      const labels = tf.oneHot(tf.tensor1d(Int32Array.from(batch.labels), "int32"), this.#numClasses);
      this.#optimizer.minimize(() => {
        const logits = this.#network.apply(images, { training: true }) as TensorFlow.Tensor2D;
        return tf.losses.softmaxCrossEntropy(labels, logits) as TensorFlow.Scalar;
      });
    });
  }

  /** Soft error, the mean of 1 − p(label), and error. */
  async measure({ images, labels }: Labeled): Promise<{ readonly softError: number; readonly error: number }> {
    const tf = this.#tf;
    let [sum, numWrong] = [0, 0];
    for (let start = 0; start < labels.length; start += measuredAtOnce) {
      const part = images.subarray(start * 3072, (start + measuredAtOnce) * 3072);
      const output = tf.tidy(() => tf.softmax(this.#network.predict(toImages(tf, part)) as TensorFlow.Tensor2D));
      const probabilities = await output.data();
      output.dispose();
      for (let row = 0; row < part.length / 3072; row++) {
        const ofRow = probabilities.subarray(row * this.#numClasses, (row + 1) * this.#numClasses);
        const label = labels[start + row]!;
        sum += 1 - ofRow[label]!;
        if (ofRow.indexOf(Math.max(...ofRow)) !== label) numWrong++;
      }
    }
    return { softError: sum / labels.length, error: numWrong / labels.length };
  }

  dispose(): void {
    this.#network.dispose();
    this.#optimizer.dispose();
  }
}

/** float32 in [−1, 1], shape [n, 32, 32, 3]. */
function toImages(tf: typeof TensorFlow, bytes: Uint8Array): TensorFlow.Tensor4D {
  const values = new Float32Array(bytes.length);
  for (let index = 0; index < bytes.length; index++) values[index] = bytes[index]! / 127.5 - 1;
  return tf.tensor4d(values, [bytes.length / 3072, 32, 32, 3]);
}

/** Both worlds start from the same weights: they follow from the seed. */
function makeNetwork(
  tf: typeof TensorFlow,
  { network, seed }: ExperimentPlan,
  numClasses: number,
): TensorFlow.Sequential {
  let numLayers = 0;
  const start = () => tf.initializers.heNormal({ seed: seed + ++numLayers });
  const dense = (units: number, activation?: "relu") =>
    tf.layers.dense({ units, kernelInitializer: start(), ...(activation === undefined ? {} : { activation }) });
  const conv = (filters: number, strides: number) =>
    tf.layers.conv2d({
      filters,
      strides,
      kernelSize: 3,
      padding: "same",
      activation: "relu",
      kernelInitializer: start(),
    });
  const inputShape = [32, 32, 3];
  if (network === "mlp") {
    return tf.sequential({
      layers: [
        tf.layers.averagePooling2d({ inputShape, poolSize: 2, strides: 2 }),
        tf.layers.flatten(),
        dense(128, "relu"),
        dense(64, "relu"),
        dense(numClasses),
      ],
    });
  }
  return tf.sequential({
    layers: [
      tf.layers.inputLayer({ inputShape }),
      conv(16, 2),
      conv(32, 2),
      conv(64, 2),
      tf.layers.flatten(),
      dense(numClasses),
    ],
  });
}
