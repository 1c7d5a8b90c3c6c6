import { expect, test } from "vitest";
import { trainingCounter } from "../../../pipeline/run/training-counter.ts";

test("images of an earlier call count once, and as kept", () => {
  const counted: [string, number][] = [];
  const losses: number[] = [];
  const count = trainingCounter(
    { count: (name, by) => counted.push([name, by]), show: (_name, value) => losses.push(value) },
    "train-labeler",
  );
  count({ images: 640, imagesBefore: 512, loss: 2 });
  count({ images: 768, imagesBefore: 512, loss: 1 });
  expect(counted).toEqual([
    ["train-labeler/kept", 512],
    ["train-labeler/images", 128],
    ["train-labeler/images", 128],
  ]);
  expect(losses).toEqual([2, 1]);
});

test("a training from its start has kept nothing", () => {
  const counted: [string, number][] = [];
  const count = trainingCounter({ count: (name, by) => counted.push([name, by]), show: () => {} }, "train");
  count({ images: 64, imagesBefore: 0, loss: 1 });
  expect(counted).toEqual([["train/images", 64]]);
});
