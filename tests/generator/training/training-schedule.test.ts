import fc from "fast-check";
import { expect, test } from "vitest";
import {
  endOfTraining,
  plannedEnd,
  type ScheduleOptions,
  trapezoidalRate,
} from "../../../generator/training/training-schedule.ts";

const options: ScheduleOptions = {
  numImages: 1000,
  batchSize: 10,
  learningRate: 0.5,
  warmUpImages: 50,
  coolDown: 0.2,
};

test("the learning rate rises, stays constant, and falls over the last fifth to just above 0", () => {
  const end = plannedEnd(options);
  const at = (step: number) => trapezoidalRate(step, options, end);
  expect(end).toEqual({ coolDownStart: 80, totalSteps: 100, numImages: 1000 });
  expect([0, 1, 4, 5, 79].map(at)).toEqual([0.1, 0.2, 0.5, 0.5, 0.5]);
  expect(at(80)).toBeCloseTo((0.5 * 20) / 21, 12);
  expect(at(99)).toBeCloseTo(0.5 / 21, 12);
});

test("more images do not change the steps before the cool-down of the shorter training", () => {
  const longer = { ...options, numImages: 5000 };
  for (let step = 0; step < 80; step++) {
    expect(trapezoidalRate(step, options, plannedEnd(options))).toBe(trapezoidalRate(step, longer, plannedEnd(longer)));
  }
  expect(endOfTraining(longer, { step: 80, end: undefined }, false)).toEqual(plannedEnd(longer));
});

test("a training that is told to finish cools down from its checkpoint, for a fifth of its final length", () => {
  const end = endOfTraining({ ...options, numImages: 1e6 }, { step: 400, end: undefined }, true);
  expect(end).toEqual({ coolDownStart: 400, totalSteps: 500, numImages: 1e6 });
  const again = endOfTraining({ ...options, numImages: 1e6 }, { step: 450, end }, true);
  expect(again).toEqual(end);
  expect(endOfTraining({ ...options, numImages: 1e6 }, { step: 450, end }, false)).toEqual(end);
});

test("for any training, the rate is positive and at most the peak, and finishing leaves the whole cool-down", () => {
  fc.assert(
    fc.property(
      fc.record({
        numImages: fc.integer({ min: 1, max: 100_000 }),
        batchSize: fc.integer({ min: 1, max: 256 }),
        learningRate: fc.constant(0.5),
        warmUpImages: fc.integer({ min: 0, max: 200_000 }),
        coolDown: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (schedule, progress) => {
        const planned = plannedEnd(schedule);
        const step = Math.floor(progress * (planned.totalSteps - 1));
        const rate = trapezoidalRate(step, schedule, planned);
        expect(rate).toBeGreaterThan(0);
        expect(rate).toBeLessThanOrEqual(0.5);
        if (step === 0) return;
        const early = endOfTraining(schedule, { step, end: undefined }, true);
        expect(early.totalSteps).toBeGreaterThan(step);
        expect(early.coolDownStart).toBeGreaterThanOrEqual(step);
        if (step <= planned.coolDownStart) expect(early.totalSteps).toBeLessThanOrEqual(planned.totalSteps + 1);
      },
    ),
  );
});

test("fewer images than a training has seen are refused, because it would end at once, without its cool-down", () => {
  const shorter = { ...options, numImages: 500 };
  expect(() => endOfTraining(shorter, { step: 41, end: undefined }, false)).toThrow(
    /cool-down, which would have begun after 400, and this training has seen 410; got 500/,
  );
  expect(endOfTraining(shorter, { step: 40, end: undefined }, false)).toEqual(plannedEnd(shorter));
});

test("a training that has seen too many images for fewer ones can finish, with a whole cool-down", () => {
  const shorter = { ...options, numImages: 500 };
  for (const step of [41, 48, 90]) {
    const end = endOfTraining(shorter, { step, end: undefined }, true);
    expect(end).toEqual({ coolDownStart: step, totalSteps: Math.round(step / 0.8), numImages: 500 });
    expect(trapezoidalRate(end.totalSteps - 1, shorter, end)).toBeLessThan(0.5 / 10);
  }
});

test("a request to finish that cannot be met is refused in one line", () => {
  const grown = { ...options, numImages: 2000 };
  expect(() => endOfTraining(grown, { step: 90, end: plannedEnd(options) }, false)).toThrow(
    /numImages is 2000, and the learning rate of this training has begun to fall, to end after 1000 images/,
  );
  for (const saved of [undefined, { step: 0, end: undefined }]) {
    expect(() => endOfTraining(options, saved, true)).toThrow(/there is no checkpoint/);
  }
});
