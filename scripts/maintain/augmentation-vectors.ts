import { imageBytes } from "../../core/image-layout.ts";
import type { Batch, LoaderOptions } from "../../shards/index.ts";
import { SampleRandoms } from "../../shards/loader/sample-randoms.ts";
import { sha256 } from "../../storage/sha256.ts";
import { poolSize, serveBatches } from "./vectors.ts";

/** Values of each image that are listed where its bytes may differ in the last digit. */
const listedValues = [0, 777, 1554, 2331, 3071];

/** Inputs and results of section 9 of docs/order.md, as docs/augmentation-vectors.json holds them. */
export async function makeAugmentationVectors() {
  return {
    draws: drawInputs.map((input) => ({ ...input, ...drawAll(input) })),
    mixupWeights: weightInputs.map(({ seed, epoch, alpha, positions }) => {
      const draws = new SampleRandoms(seed);
      const weights = positions.map((position) => {
        draws.moveTo(epoch, position);
        return draws.mixupWeight(alpha);
      });
      return { seed, epoch, alpha, positions, weights };
    }),
    batches: await serveBatches(formulaRows(), batchOptions, describeBatch),
  };
}

const drawInputs = [
  { seed: 0, epoch: 0, position: 0 },
  { seed: 0, epoch: 0, position: 1 },
  { seed: 7, epoch: 3, position: 49_999 },
  { seed: 2 ** 32 + 5, epoch: 2 ** 33 + 1, position: 2 ** 34 + 9 },
  { seed: Number.MAX_SAFE_INTEGER, epoch: Number.MAX_SAFE_INTEGER, position: Number.MAX_SAFE_INTEGER },
];

const firstPositions = Array.from({ length: 12 }, (_, position) => position);
const weightInputs = [0.001, 0.2, 1, 8, 1000].map((alpha) => ({ seed: 5, epoch: 2, alpha, positions: firstPositions }));

const finite = { regime: "finite", numSamples: 10, epochs: 2, batchSize: 4, dropLast: false, seed: 3 } as const;
const float32 = { ...finite, dtype: "float32", layout: "NCHW" } as const;
const normalize = { mean: [0.5, 0.4, 0.3], std: [0.25, 0.2, 0.3] } as const;
const batchOptions: readonly LoaderOptions<"uint8" | "float32">[] = [
  finite,
  { ...finite, layout: "NCHW" },
  float32,
  { ...float32, layout: "NHWC", normalize },
  { ...float32, normalize: true },
  { ...finite, augment: { flip: true } },
  { ...finite, augment: { flip: true }, layout: "NCHW" },
  { ...finite, augment: { crop: true } },
  { ...finite, augment: { crop: { padding: 31, mode: "reflect" } }, layout: "NCHW" },
  { ...finite, augment: { cutout: { size: 7 } } },
  { ...float32, augment: { cutout: { size: 64 } }, normalize },
  { ...float32, augment: { flip: true, crop: { padding: 2, mode: "zero" }, cutout: { size: 8 } }, normalize },
  { ...float32, augment: { flip: true, crop: true }, rank: 1, worldSize: 3 },
  { ...float32, augment: { mixup: { alpha: 1 } } },
  {
    ...float32,
    layout: "NHWC",
    augment: { flip: true, crop: true, cutout: { size: 8 }, mixup: { alpha: 0.2 } },
    normalize,
  },
  { ...float32, augment: { flip: true, mixup: { alpha: 0.4 } }, rank: 1, worldSize: 2, labelNoise: { rate: 0.5 } },
  { ...float32, numSamples: 9, augment: { mixup: { alpha: 1 } } },
  { ...finite, labelNoise: { rate: 0.4, seed: 11 } },
  { regime: "infinite", batchSize: 6, seed: 3, augment: { flip: true, crop: true }, labelNoise: { rate: 1 } },
];

function drawAll({ seed, epoch, position }: (typeof drawInputs)[number]) {
  const draws = new SampleRandoms(seed);
  draws.moveTo(epoch, position);
  return {
    isFlipped: draws.isFlipped(),
    // Of a padding of 4 pixels, and of a batch of 100.
    cropRow: draws.cropRow(9),
    cropColumn: draws.cropColumn(9),
    mixupPartner: draws.mixupPartner(99),
    cutoutRow: draws.cutoutRow(),
    cutoutColumn: draws.cutoutColumn(),
  };
}

/** Whole images by their hash; blended ones, which logarithms and cosines go into, by some of their values. */
function describeBatch({ epoch, ids, labels, images, mixup }: Batch<Uint8Array | Float32Array>) {
  const common = { epoch, ids: [...ids], labels: [...labels] };
  if (mixup === undefined) {
    return { ...common, sha256: sha256(new Uint8Array(images.buffer, images.byteOffset, images.byteLength)) };
  }
  const values = [...ids].map((_, index) => listedValues.map((place) => images[index * imageBytes + place]!));
  return { ...common, values, mixupLabels: [...mixup.labels], mixupWeights: [...mixup.weights] };
}

/** Byte `index` of the image of a row. */
const byteOf = (row: number, index: number) => (37 * row + 11 * index + 5 * row * Math.floor(index / 96)) % 256;

function formulaRows() {
  return {
    images: Uint8Array.from({ length: poolSize * imageBytes }, (_, place) =>
      byteOf(Math.floor(place / imageBytes), place % imageBytes),
    ),
    labels: Uint8Array.from({ length: poolSize }, (_, row) => row % 10),
  };
}
