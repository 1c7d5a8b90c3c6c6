import { conv2d, convTranspose2d } from "../../../engine/ops/conv.ts";
import { averagePool, maxPool, upsample } from "../../../engine/ops/pool.ts";
import { type OpCase, type TfTensor, tf } from "./op-case.ts";

type Images = import("@tensorflow/tfjs").Tensor4D;

export const imageCases: readonly OpCase[] = [
  ...[
    { kernel: 3, stride: 1, padding: 1 },
    { kernel: 3, stride: 1, padding: 0 },
    { kernel: 3, stride: 2, padding: 1 },
    { kernel: 3, stride: 2, padding: 0 },
    { kernel: 1, stride: 1, padding: 0 },
    { kernel: 1, stride: 2, padding: 0 },
    { kernel: 1, stride: 1, padding: 1 },
    { kernel: 2, stride: 1, padding: 0 },
    { kernel: 5, stride: 1, padding: 2 },
  ].map(convCase),
  ...[
    { kernel: 3, stride: 1, padding: 1, outputSize: 4 },
    { kernel: 3, stride: 2, padding: 1, outputSize: 8 },
    { kernel: 3, stride: 2, padding: 1, outputSize: 7 },
    { kernel: 2, stride: 2, padding: 0, outputSize: 8 },
  ].map(transposedCase),
  {
    name: "conv2d with bias",
    shapes: [[2, 2, 4, 4], [3, 2, 3, 3], [3]],
    build: (x, filters, bias) => conv2d(x!, filters!, { bias: bias!, padding: 1 }),
    reference: (x, filters, bias) =>
      onChannelsLast(x!, (images) => tf.add(tf.conv2d(padded(images, 1), turned(filters!), 1, "valid"), bias!)),
    float32Only: true,
    second: true,
  },
  {
    name: "averagePool",
    shapes: [[2, 2, 4, 6]],
    build: (x) => averagePool(x!, 2),
    reference: (x) => onChannelsLast(x!, (images) => tf.avgPool(images, 2, 2, "valid")),
    float32Only: true,
    second: true,
  },
  {
    name: "averagePool that leaves a border out",
    shapes: [[1, 2, 5, 7]],
    build: (x) => averagePool(x!, 3),
    reference: (x) => onChannelsLast(x!, (images) => tf.avgPool(images, 3, 3, "valid")),
    float32Only: true,
    second: true,
  },
  {
    name: "maxPool",
    shapes: [[1, 2, 4, 5]],
    build: (x) => maxPool(x!, 2),
    reference: (x) => onChannelsLast(x!, (images) => tf.maxPool(images, 2, 2, "valid")),
    float32Only: true,
    second: true,
  },
  {
    name: "upsample by 2",
    shapes: [[2, 2, 2, 3]],
    build: (x) => upsample(x!, 2),
    reference: (x) => repeated(repeated(x!, 2, 2), 2, 3),
    float32Only: true,
    second: true,
  },
  {
    name: "upsample by 3",
    shapes: [[1, 2, 2, 2]],
    build: (x) => upsample(x!, 3),
    reference: (x) => repeated(repeated(x!, 3, 2), 3, 3),
    float32Only: true,
    second: true,
  },
];

interface Geometry {
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
}

function convCase({ kernel, stride, padding }: Geometry): OpCase {
  return {
    name: `conv2d ${kernel}×${kernel}, stride ${stride}, padding ${padding}`,
    shapes: [
      [2, 2, 6, 5],
      [3, 2, kernel, kernel],
    ],
    build: (x, filters) => conv2d(x!, filters!, { stride, padding }),
    reference: (x, filters) =>
      onChannelsLast(x!, (images) => tf.conv2d(padded(images, padding), turned(filters!), stride, "valid")),
    float32Only: true,
    second: true,
  };
}

function transposedCase({ kernel, stride, padding, outputSize }: Geometry & { readonly outputSize: number }): OpCase {
  return {
    name: `convTranspose2d ${kernel}×${kernel}, stride ${stride}, padding ${padding}, to ${outputSize}×${outputSize}`,
    shapes: [
      [2, 2, 4, 4],
      [2, 3, kernel, kernel],
    ],
    build: (x, filters) => convTranspose2d(x!, filters!, { stride, padding, outputSize: [outputSize, outputSize] }),
    reference: (x, filters) =>
      onChannelsLast(x!, (images) => {
        const size = outputSize + 2 * padding;
        const whole = tf.conv2dTranspose(images, turned(filters!), [2, size, size, 3], stride, "valid");
        return tf.slice(whole, [0, padding, padding, 0], [2, outputSize, outputSize, 3]);
      }),
    float32Only: true,
    second: true,
  };
}

function onChannelsLast(x: TfTensor, compute: (images: Images) => TfTensor): TfTensor {
  return tf.transpose(compute(tf.transpose(x as Images, [0, 2, 3, 1])), [0, 3, 1, 2]);
}

/** Pads images explicitly: in convolutions, native TensorFlow supports the paddings `same` and `valid` only. */
function padded(images: Images, padding: number): Images {
  return tf.pad(images, [
    [0, 0],
    [padding, padding],
    [padding, padding],
    [0, 0],
  ]);
}

function turned(filters: TfTensor): Images {
  return tf.transpose(filters as Images, [2, 3, 1, 0]);
}

/** Repeats each slice along an axis. The resizing of tfjs has a wrong gradient for images that are not square. */
function repeated(x: TfTensor, times: number, axis: number): TfTensor {
  const indices = Array.from({ length: x.shape[axis]! * times }, (_, index) => Math.floor(index / times));
  return tf.gather(x, tf.tensor1d(indices, "int32"), axis);
}
