import { expect, test } from "vitest";
import { fillNormals, fillUniforms } from "../../core/random.ts";
import {
  accuracyOf,
  calibrationBins,
  errorOf,
  expectedCalibrationError,
  fitTemperature,
} from "../../labeler/calibration.ts";

const [numImages, numClasses] = [4000, 10];

/** Probabilities from random logits, and labels that follow them. */
function calibrated(): { readonly logits: Float32Array; readonly labels: Uint8Array } {
  const logits = new Float32Array(numImages * numClasses);
  fillNormals({ seed: 1, stream: 1, id: 0 }, logits);
  const uniform = new Float32Array(numImages);
  fillUniforms({ seed: 1, stream: 1, id: 1 }, uniform);
  for (let index = 0; index < logits.length; index++) logits[index]! *= 2;
  const probabilities = softmax(logits, 1);
  const labels = Uint8Array.from(uniform, (value, image) => {
    let rest = value;
    for (let label = 0; label < numClasses - 1; label++) {
      rest -= probabilities[image * numClasses + label]!;
      if (rest < 0) return label;
    }
    return numClasses - 1;
  });
  return { logits, labels };
}

function softmax(logits: Float32Array, temperature: number): Float32Array {
  const result = new Float32Array(logits.length);
  for (let start = 0; start < logits.length; start += numClasses) {
    const row = logits.subarray(start, start + numClasses).map((logit) => Math.exp(logit / temperature));
    const sum = row.reduce((total, value) => total + value, 0);
    result.set(
      row.map((value) => value / sum),
      start,
    );
  }
  return result;
}

test.each([0.3, 1, 2.5])("logits that are too large by a factor of %d get this factor as temperature", (factor) => {
  const { logits, labels } = calibrated();
  const sharpened = softmax(logits, 1 / factor);
  const temperature = fitTemperature(sharpened, labels);
  expect(temperature / factor).toBeGreaterThan(0.93);
  expect(temperature / factor).toBeLessThan(1.07);
  const after = expectedCalibrationError(softmax(logits, temperature / factor), labels);
  expect(after).toBeLessThan(0.03);
  if (factor !== 1) expect(expectedCalibrationError(sharpened, labels)).toBeGreaterThan(3 * after);
});

test("images with fewer than 10 errors keep their probabilities, and 10 of 1,000 are fitted", () => {
  // Two classes, the first with probability 0.9; calibrated probabilities are 0.99: 1 / (1 + 9^(-1 / T)) = 0.99.
  const images = Float32Array.from({ length: 2000 }, (_, index) => (index % 2 === 0 ? 0.9 : 0.1));
  const labels = (numErrors: number) => new Uint8Array(1000).fill(1, 0, numErrors);
  for (const numErrors of [0, 9]) expect(fitTemperature(images, labels(numErrors))).toBe(1);
  expect(fitTemperature(images, labels(10))).toBeCloseTo(Math.log(9) / Math.log(99), 3);
});

test("the calibration error is 0 for sure and right, 1 for sure and wrong, and bins are weighted by images", () => {
  const sure = new Float32Array([1, 0, 1, 0, 1, 0, 1, 0]);
  expect(expectedCalibrationError(sure, Uint8Array.of(0, 0, 0, 0))).toBe(0);
  expect(expectedCalibrationError(sure, Uint8Array.of(1, 1, 1, 1))).toBe(1);
  // Two at 0.75, one of them right, and two at 1, both right: |1.5 − 1| / 4.
  const mixed = new Float32Array([0.75, 0.25, 0.25, 0.75, 1, 0, 1, 0]);
  expect(expectedCalibrationError(mixed, Uint8Array.of(0, 0, 0, 0))).toBeCloseTo(0.125, 12);
});

test("accuracy and error count the images whose most probable class is their label", () => {
  const probabilities = new Float32Array([0.75, 0.25, 0.25, 0.75, 0.5, 0.5, 1, 0]);
  const labels = Uint8Array.of(0, 0, 0, 0);
  expect([accuracyOf(probabilities, labels), errorOf(probabilities, labels)]).toEqual([0.75, 0.25]);
});

test("every image is in the bin of its confidence, and only judged ones are right or wrong", () => {
  const bins = calibrationBins(Float32Array.of(0, 0.5, 0.5, 1), (index) => [true, false, undefined, true][index]);
  expect(bins).toHaveLength(15);
  expect([bins[0], bins[7], bins[14]]).toEqual([
    { count: 1, confidenceSum: 0, numJudged: 1, numRight: 1 },
    { count: 2, confidenceSum: 1, numJudged: 1, numRight: 0 },
    { count: 1, confidenceSum: 1, numJudged: 1, numRight: 1 },
  ]);
});
