import { gelu, silu } from "../engine/composites/activations.ts";
import type { Tensor } from "../engine/graph/graph.ts";
import { concat } from "../engine/ops/concat.ts";
import { conv2d } from "../engine/ops/conv.ts";
import { add, mul, relu } from "../engine/ops/elementwise.ts";
import { maxPool } from "../engine/ops/pool.ts";
import { max } from "../engine/ops/reduce.ts";
import { slice } from "../engine/ops/slice.ts";
import { fanInInitializer, type Scope, zerosInitializer } from "../engine/parameters/parameters.ts";
import { batchNormLayer, convLayer, linearLayer } from "./layers.ts";

export interface ResNetOptions {
  /** Channels of each group; each group halves the image. */
  readonly widths: readonly number[];
  readonly numClasses: number;
  readonly activation: "relu" | "silu" | "gelu";
  /** Whether to add a row and a column of zeros, so that the stem keeps the image's even sides. */
  readonly padded: boolean;
  /** Factor on the logits, so that the last layer can have the learning rate of the other layers. */
  readonly logitScale: number;
}

/** The part of the network before its last layer. */
export type ResNetBodyOptions = Omit<ResNetOptions, "numClasses" | "logitScale">;

const activations = { relu, silu, gelu };

/** Side of the patches that the first convolution whitens, in pixels. */
export const whiteningSide = 2;
/** Name of the parameter with the whitening filters. It is computed from the data, not trained. */
export const whiteningName = "stem.weight";

/**
 * A small residual classifier for short training. Fixed whitening filters come first. Each group then widens the features,
 * halves the image and adds a residual convolution. The maximum of each channel and a linear layer come last.
 * @param x - normalized images, [N, C, H, W]
 * @returns logits, [N, numClasses]
 * @see Keller Jordan 2024, arXiv:2404.00498, and David Page, "How to train your ResNet" (2018)
 */
export function resnet(scope: Scope, x: Tensor, options: ResNetOptions): Tensor {
  return resnetLogits(scope, resnetFeatureMaps(scope, x, options), options);
}

/**
 * The last layer of `resnet`.
 * @param maps - what `resnetFeatureMaps` returns
 * @returns logits, [N, numClasses]
 */
export function resnetLogits(
  scope: Scope,
  maps: readonly Tensor[],
  { numClasses, logitScale }: Pick<ResNetOptions, "numClasses" | "logitScale">,
): Tensor {
  return mul(linearLayer(scope.child("head"), pooled(maps), numClasses), logitScale);
}

/**
 * The features that the last layer of `resnet` gets.
 * @param x - normalized images, [N, C, H, W]
 * @returns [N, last width]
 */
export function resnetFeatures(scope: Scope, x: Tensor, options: ResNetBodyOptions): Tensor {
  return pooled(resnetFeatureMaps(scope, x, options));
}

function pooled(maps: readonly Tensor[]): Tensor {
  return max(maps.at(-1)!, { axes: [2, 3] });
}

/**
 * The features after each group.
 * @param x - normalized images, [N, C, H, W]
 * @returns [N, width, H / 2, W / 2], then [N, width, H / 4, W / 4], and so on; fewer pixels without `padded`
 */
export function resnetFeatureMaps(scope: Scope, x: Tensor, options: ResNetBodyOptions): Tensor[] {
  const activate = activations[options.activation];
  const block = (part: Scope, input: Tensor, width: number, halves: boolean) => {
    const initializer = fanInInitializer(input.shape[1]! * 9, 2);
    const filtered = convLayer(part.child("conv"), input, width, { bias: false, initializer });
    return activate(batchNormLayer(part.child("norm"), halves ? maxPool(filtered, 2) : filtered));
  };
  const channels = x.shape[1]!;
  const numWhitened = 2 * channels * whiteningSide ** 2;
  const filters = scope.parameter(
    whiteningName,
    [numWhitened, channels, whiteningSide, whiteningSide],
    fanInInitializer(channels * whiteningSide ** 2),
    { decay: false, learningRateScale: 0 },
  );
  const whole = options.padded ? padEnd(x) : x;
  let hidden = activate(
    conv2d(whole, filters, { bias: scope.parameter("stem.bias", [numWhitened], zerosInitializer) }),
  );
  return options.widths.map((width, index) => {
    const widened = block(scope.child(`group${index}.widen`), hidden, width, true);
    hidden = add(widened, block(scope.child(`group${index}.residual`), widened, width, false));
    return hidden;
  });
}

/** Adds a row of zeros at the bottom and a column of zeros on the right. */
function padEnd(x: Tensor): Tensor {
  return [2, 3].reduce((padded, axis) => {
    const edge = slice(padded, [{ axis, start: 0, end: 1 }]);
    return concat([padded, mul(edge, 0)], axis);
  }, x);
}
