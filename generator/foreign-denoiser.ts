import * as z from "zod";
import { Cifar5mError } from "../core/errors.ts";
import type { Tensor } from "../engine/graph/graph.ts";
import { tensorData } from "../engine/graph/tensor.ts";
import { type ExpectedPort, imagesSchema, readDescription, requirePorts } from "../engine/onnx/onnx-description.ts";
import { type OnnxModel, readOnnx } from "../engine/onnx/read-onnx.ts";
import { spliceOnnx } from "../engine/onnx/splice-onnx.ts";
import { add, cast, div, mul, sqrt, sub } from "../engine/ops/elementwise.ts";
import { reshape, transpose } from "../engine/ops/reshape.ts";
import type { Denoiser } from "./denoiser.ts";
import { scheduleSchema, timestepsAt } from "./foreign-schedule.ts";

const numClasses = 10;

/** The description of a denoiser made elsewhere. docs/models.md explains each key. */
export const foreignGeneratorSchema = z.strictObject({
  model: z.literal("generator"),
  images: imagesSchema,
  noise: z.strictObject({
    input: z.string().min(1),
    schedule: z.discriminatedUnion("kind", [z.strictObject({ kind: z.literal("sigma") }), scheduleSchema]),
  }),
  classes: z
    .strictObject({
      input: z.string().min(1),
      count: z.literal(numClasses),
      none: z.int().min(0).nullable(),
    })
    .nullable(),
  output: z.strictObject({ name: z.string().min(1), prediction: z.enum(["eps", "v", "x0"]) }),
});

export type ForeignGeneratorOptions = z.infer<typeof foreignGeneratorSchema>;

/** A denoiser that was made elsewhere. */
export interface ForeignGenerator {
  /** Number of classes that it is conditioned on, 0 for none. */
  readonly numClasses: number;
  /** Images per call; undefined if it takes any number of images. */
  readonly batchSize: number | undefined;
  readonly denoiser: Denoiser;
}

/**
 * Reads a denoiser that was made elsewhere.
 * @param file - an ONNX file that contains its description
 * @throws Cifar5mError `model/…` if the file is not usable or does not match its description
 */
export function readForeignGenerator(file: Uint8Array): ForeignGenerator {
  const model = readOnnx(file, "the generator");
  const options = readDescription(model, foreignGeneratorSchema);
  const { images, noise, classes, output } = options;
  const shape: ExpectedPort["shape"] = images.layout === "NCHW" ? ["batch", 3, 32, 32] : ["batch", 32, 32, 3];
  const { batchSize, dtypes } = requirePorts(model, {
    inputs: [
      { name: images.input, dtypes: ["float32"], shape },
      {
        name: noise.input,
        dtypes: noise.schedule.kind === "sigma" ? ["float32"] : ["float32", "int64", "int32"],
        shape: ["batch"],
      },
      ...(classes === null
        ? []
        : [{ name: classes.input, dtypes: ["int64", "int32"] as const, shape: ["batch"] as const }]),
    ],
    output: { name: output.name, dtypes: ["float32"], shape },
  });
  return {
    numClasses: classes === null ? 0 : numClasses,
    batchSize,
    denoiser: foreignDenoiser({ model, options, dtypes }),
  };
}

type IntegerType = "int64" | "int32";

/**
 * Converts the prediction of a network, in its units, to D(x; sigma).
 *
 * Let y be the noisy image in the network's range, s the standard deviation of its noise in that range, and F the
 * prediction. Then D in that range is
 * - eps: y − s F
 * - x0: F
 * - v: y / (1 + s²) − s / sqrt(1 + s²) F, since v = sqrt(ᾱ) ε − sqrt(1 − ᾱ) x₀ and ᾱ = 1 / (1 + s²)
 *
 * A network with a schedule gets y / sqrt(1 + s²), which is sqrt(ᾱ) x₀ + sqrt(1 − ᾱ) ε, and a timestep. A network without
 * a schedule gets y and s.
 * @see Salimans and Ho 2022, arXiv:2202.00512, appendix D; Karras et al. 2022, arXiv:2206.00364, table 1, "VP"
 */
function foreignDenoiser(read: {
  readonly model: OnnxModel;
  readonly options: ForeignGeneratorOptions;
  readonly dtypes: ReadonlyMap<string, string>;
}): Denoiser {
  const { model, options, dtypes } = read;
  const { images, noise, classes, output } = options;
  const call = spliceOnnx(model);
  const [low, high] = images.range;
  const [scale, middle] = [(high - low) / 2, (high + low) / 2];
  const isPlanar = images.layout === "NCHW";
  return (noisy, sigma, wanted) => {
    const y = add(mul(noisy, scale), middle);
    const s = mul(sigma, scale);
    const perImage = reshape(s, [-1, 1, 1, 1]);
    const variance = add(mul(perImage, perImage), 1);
    const { schedule } = noise;
    const x = schedule.kind === "sigma" ? y : div(y, sqrt(variance));
    const noiseType = dtypes.get(noise.input) as "float32" | IntegerType;
    const given = isPlanar ? x : transpose(x, [0, 2, 3, 1]);
    const predicted = call({
      inputs: {
        [images.input]: given,
        [noise.input]: schedule.kind === "sigma" ? s : timestepsAt(schedule, s, noiseType),
        ...(classes === null
          ? {}
          : {
              [classes.input]: cast(conditionOf(noisy, wanted, classes.none), dtypes.get(classes.input) as IntegerType),
            }),
      },
      output: { name: output.name, dtype: "float32", shape: given.shape },
    });
    const f = isPlanar ? predicted : transpose(predicted, [0, 3, 1, 2]);
    const clean = {
      eps: () => sub(y, mul(perImage, f)),
      x0: () => f,
      v: () => sub(div(y, variance), mul(div(perImage, sqrt(variance)), f)),
    }[output.prediction]();
    return div(sub(clean, middle), scale);
  };
}

/** The classes to condition on. If no classes are given, all images get the number `none`. */
function conditionOf(noisy: Tensor, classes: Tensor | undefined, none: number | null): Tensor {
  if (classes !== undefined) return classes;
  const numImages = noisy.shape[0]!;
  if (none !== null) return noisy.graph.constant(tensorData("int64", [numImages], new Array(numImages).fill(none)));
  throw new Cifar5mError(
    "model/no-free-class",
    "the generator must have classes.none in its description to be used without a class or with guidance, got null. Use --sampler.guidance 1.",
  );
}
