import { expect, test } from "vitest";
import { fillNormals, randomStreams } from "../../../core/random.ts";
import type { Tensor } from "../../../engine/graph/graph.ts";
import { tensorData } from "../../../engine/graph/tensor.ts";
import { add, div, mul, sqrt, sub } from "../../../engine/ops/elementwise.ts";
import { matmul } from "../../../engine/ops/matmul.ts";
import { reshape } from "../../../engine/ops/reshape.ts";
import { noiseLevels } from "../../../generator/sampling/noise-levels.ts";
import { planTrajectory, type SamplerName, samplers } from "../../../generator/sampling/plan-trajectory.ts";
import { ddpm } from "../../../generator/sampling/samplers/ddpm.ts";
import { type Churn, heun } from "../../../generator/sampling/samplers/heun.ts";
import type { Trajectory } from "../../../generator/sampling/samplers/trajectory.ts";
import { cutTrajectory } from "../../../generator/sampling/trajectory-table.ts";
import { follow } from "./follow.ts";

const karras = { schedule: "karras", sigmaMin: 0.002, sigmaMax: 80, rho: 7 } as const;
const noChurn: Churn = { churn: 0, churnMin: 0, churnMax: 0, churnNoise: 1 };
const std = 0.5;

/** The exact denoiser of images that are normal numbers of mean 0. */
function denoiseNormal(noisy: Tensor, sigma: Tensor): Tensor {
  const variance = reshape(mul(sigma, sigma), [-1, 1]);
  return mul(noisy, div(std ** 2, add(variance, std ** 2)));
}

/** Orders in theory. UniPC's corrector adds one to the order of its predictor (Zhao et al. 2023, theorem 3.1). */
const orders: Readonly<Record<Exclude<SamplerName, "ddpm" | "consistency">, number>> = {
  ddim: 1,
  heun: 2,
  "dpm-solver-2m": 2,
  "dpm-solver-3m": 3,
  "unipc-2": 3,
  "unipc-3": 4,
};

test.each(Object.entries(orders))(
  "for Gaussian data the error of %s falls with the steps by order %i",
  async (name, order) => {
    const errors: number[] = [];
    for (const steps of [128, 256]) {
      // The levels end above zero.
      const sigmas = noiseLevels({ ...karras, sigmaMin: 0.05, steps: steps + 1 }).subarray(0, steps + 1);
      const trajectory = samplers[name as SamplerName](sigmas, noChurn);
      const x = [80, -40, 12.5];
      const start = tensorData("float64", [1, 3], x);
      const end = await follow({ trajectory, start, denoise: denoiseNormal });
      // The exact flow scales x by the standard deviation of image plus noise.
      const scale = Math.hypot(std, sigmas[steps]!) / Math.hypot(std, 80);
      errors.push(Math.hypot(...x.map((value, index) => end[index]! - value * scale)));
    }
    const measured = Math.log2(errors[0]! / errors[1]!);
    expect(measured).toBeGreaterThan(0.9 * order);
    expect(measured).toBeLessThan(1.1 * order);
  },
);

test.each([
  ["ddpm", 18],
  ["ddim", 18],
  ["heun", 35],
  ["dpm-solver-2m", 18],
  ["dpm-solver-3m", 18],
  ["unipc-2", 18],
  ["unipc-3", 18],
] as const)("18 steps of %s take %i calls and end with the result of the last call", async (name, numCalls) => {
  const trajectory = planTrajectory({ ...karras, ...noChurn, name, steps: 18 });
  expect(trajectory.calls).toHaveLength(numCalls);
  expect(trajectory.start).toBe(80);
  expect(trajectory.calls.at(-1)!.sigma).toBeCloseTo(0.002, 12);
  // A denoiser that knows the images reaches them from any start.
  const start = tensorData("float64", [1, 2], [80, -3]);
  const noise = new Float32Array(numCalls * 2).map((_, index) => Math.sin(index));
  const denoise = (noisy: Tensor) => add(mul(noisy, 0), 0.25);
  const end = await follow({ trajectory, start, denoise, ...(name === "ddpm" ? { noise } : {}) });
  expect([...end]).toEqual([0.25, 0.25]);
});

/** Images of two numbers with this mean and covariance, whose eigenvalues are 1 and 0.04, rotated by 30°. */
const mean = [0.3, -0.2];
const [cosine, sine] = [Math.cos(Math.PI / 6), Math.sin(Math.PI / 6)];
const covariance = [
  cosine ** 2 + 0.04 * sine ** 2,
  (1 - 0.04) * sine * cosine,
  (1 - 0.04) * sine * cosine,
  sine ** 2 + 0.04 * cosine ** 2,
];

/** The exact denoiser of these images: mean + C · inverse(C + sigma²) · (x - mean), along the eigenvectors. */
function denoiseCorrelated(noisy: Tensor, sigma: Tensor): Tensor {
  const constant = (shape: number[], values: number[]) => noisy.graph.constant(tensorData("float32", shape, values));
  const variance = reshape(mul(sigma, sigma), [-1, 1]);
  const eigenvalues = constant([1, 2], [1, 0.04]);
  const center = constant([1, 2], mean);
  const turned = matmul(sub(noisy, center), constant([2, 2], [cosine, -sine, sine, cosine]));
  const shrunk = mul(turned, div(eigenvalues, add(eigenvalues, variance)));
  return add(matmul(shrunk, constant([2, 2], [cosine, sine, -sine, cosine])), center);
}

const numImages = 4000;

async function drawCorrelated(trajectory: Trajectory): Promise<Float32Array> {
  const normals = (stream: keyof typeof randomStreams, id: number, length: number) => {
    const values = new Float32Array(length);
    fillNormals({ seed: 1, stream: randomStreams[stream], id }, values);
    return values;
  };
  const shape = [numImages, 2];
  let x = normals("sampleNoise", 0, numImages * 2).map((value) => value * trajectory.start);
  for (const [start, end] of cutTrajectory(trajectory, 100)) {
    x = (await follow({
      trajectory,
      start: tensorData("float32", shape, x),
      denoise: denoiseCorrelated,
      noise: normals("stepNoise", start, (end - start) * numImages * 2),
      part: [start, end],
    })) as Float32Array<ArrayBuffer>;
  }
  return x;
}

test.each([
  ["ddpm through its 1,000 noise levels", () => ddpm(noiseLevels({ ...karras, schedule: "linear-beta", steps: 1000 }))],
  [
    "heun with churn",
    () => heun(noiseLevels({ ...karras, steps: 128 }), { churn: 40, churnMin: 0.05, churnMax: 50, churnNoise: 1 }),
  ],
] as const)("%s samples Gaussian data with its mean and covariance, up to sampling error", async (_, plan) => {
  const values = await drawCorrelated(plan());
  const sums = [0, 0];
  const products = [0, 0, 0, 0];
  for (let index = 0; index < numImages; index++) {
    const centered = mean.map((value, axis) => values[2 * index + axis]! - value);
    for (const [a, left] of centered.entries()) {
      sums[a]! += left / numImages;
      for (const [b, right] of centered.entries()) products[2 * a + b]! += (left * right) / numImages;
    }
  }
  for (let a = 0; a < 2; a++) {
    expect(Math.abs(sums[a]!)).toBeLessThan(3.5 * Math.sqrt(covariance[3 * a]! / numImages));
    for (let b = 0; b < 2; b++) {
      const expected = covariance[2 * a + b]!;
      // The variance of the sample covariance of normal numbers.
      const error = Math.sqrt((covariance[3 * a]! * covariance[3 * b]! + expected ** 2) / numImages);
      expect(Math.abs(products[2 * a + b]! - expected)).toBeLessThan(3.5 * error);
    }
  }
});

test("a trajectory that is cut where only x passes on gives the same result as the whole trajectory", async () => {
  const sigmas = noiseLevels({ ...karras, steps: 12 });
  const churn = { churn: 4, churnMin: 0.05, churnMax: 50, churnNoise: 1.003 };
  for (const trajectory of [ddpm(sigmas), heun(sigmas, churn)]) {
    const numCalls = trajectory.calls.length;
    const parts = cutTrajectory(trajectory, 5);
    expect(parts[0]![0]).toBe(0);
    expect(parts.at(-1)![1]).toBe(numCalls);
    for (const [index, [start, end]] of parts.entries()) {
      expect(end - start).toBeLessThanOrEqual(5);
      if (index > 0) expect(start).toBe(parts[index - 1]![1]);
    }
    const noise = new Float32Array(numCalls * 3).map((_, index) => Math.sin(3 * index));
    const start = tensorData("float64", [1, 3], [80, -40, 12.5]);
    const whole = await follow({ trajectory, start, denoise: denoiseNormal, noise });
    let x = start;
    for (const part of parts) {
      const options = { trajectory, start: x, denoise: denoiseNormal, part };
      const end = await follow({ ...options, noise: noise.subarray(part[0] * 3, part[1] * 3) });
      x = tensorData("float64", [1, 3], end);
    }
    expect(x.data).toEqual(whole);
  }
});

test("a deterministic trajectory that uses earlier results in every call is one run", () => {
  const trajectory = planTrajectory({ ...karras, ...noChurn, name: "unipc-3", steps: 100 });
  expect(cutTrajectory(trajectory, 1000)).toEqual([[0, 100]]);
});

test("consistency with the exact end of every path samples Gaussian data with its std at any noise levels", async () => {
  const trajectory = planTrajectory({ ...karras, ...noChurn, name: "consistency", steps: 3, sigmaMin: 0.4 });
  expect(trajectory.calls.map(({ sigma }) => sigma)[0]).toBe(80);
  expect(trajectory.calls).toHaveLength(3);
  // The end of a path is x times the std of the data, divided by the std of data plus noise.
  const endOfPath = (noisy: Tensor, sigma: Tensor) => {
    const variance = add(reshape(mul(sigma, sigma), [-1, 1]), std ** 2);
    return mul(noisy, div(std, sqrt(variance)));
  };
  const numValues = 20_000;
  const normals = (stream: keyof typeof randomStreams, length: number) => {
    const values = new Float32Array(length);
    fillNormals({ seed: 2, stream: randomStreams[stream], id: 0 }, values);
    return values;
  };
  const start = tensorData(
    "float32",
    [numValues, 1],
    normals("sampleNoise", numValues).map((value) => value * 80),
  );
  const end = await follow({ trajectory, start, denoise: endOfPath, noise: normals("stepNoise", 3 * numValues) });
  let variance = 0;
  for (const value of end) variance += Number(value) ** 2 / numValues;
  expect(Math.abs(variance / std ** 2 - 1)).toBeLessThan(3.5 * Math.sqrt(2 / numValues));
});
