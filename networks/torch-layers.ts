import type { Tensor } from "../engine/graph/graph.ts";
import type { Scope } from "../engine/parameters/parameters.ts";
import { convLayer, linearLayer, normRelu, torchInitializer } from "./layers.ts";

/** A linear layer with PyTorch's initialization. */
export function torchLinear(scope: Scope, x: Tensor, numOutputs: number): Tensor {
  const initializer = torchInitializer(x.shape.at(-1)!);
  return linearLayer(scope, x, numOutputs, initializer, initializer);
}

export interface TorchConvOptions {
  /** Side of the filters in pixels; 3 by default. */
  readonly kernel?: number;
  readonly stride?: number;
  /** False by default, because batch normalization usually follows and removes biases. */
  readonly bias?: boolean;
}

/** A convolution with PyTorch's initialization. At stride 1 it keeps the size of the image. */
export function torchConv(scope: Scope, x: Tensor, numOutputs: number, options: TorchConvOptions = {}): Tensor {
  const { kernel = 3, stride = 1, bias = false } = options;
  const initializer = torchInitializer(x.shape[1]! * kernel ** 2);
  return convLayer(scope, x, numOutputs, { kernel, stride, bias, initializer, biasInitializer: initializer });
}

/** Convolution with bias, batch normalization, ReLU. */
export function convNormRelu(scope: Scope, x: Tensor, numOutputs: number): Tensor {
  return normRelu(scope.child("norm"), torchConv(scope.child("conv"), x, numOutputs, { bias: true }));
}
