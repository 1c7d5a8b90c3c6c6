import { expect, test } from "vitest";
import { describeWorker, readWorker } from "../../../scripts/cli/worker.ts";

const shared = { hasWorkers: true } as const;
const inJob = { CIFAR5M_RANK: "3", CIFAR5M_WORLD_SIZE: "64", CIFAR5M_DEADLINE: "1700000000" };

test("a worker is told its rank by flags, or else by the environment", () => {
  expect(readWorker(shared, {}, {})).toEqual({ rank: 0, worldSize: 1 });
  expect(readWorker(shared, {}, inJob)).toEqual({ rank: 3, worldSize: 64, deadlineMs: 1.7e12 });
  expect(readWorker(shared, { rank: "1", "world-size": "2" }, inJob)).toMatchObject({ rank: 1, worldSize: 2 });
  expect(readWorker(shared, {}, { CIFAR5M_RANK: "", CIFAR5M_WORLD_SIZE: " " })).toEqual({ rank: 0, worldSize: 1 });
});

test("a command that one process does alone takes no share, whatever rank is given", () => {
  expect(readWorker({}, {}, inJob)).toEqual({ rank: 0, worldSize: 1 });
  expect(readWorker({}, { rank: "1", "world-size": "2" }, {})).toEqual({ rank: 0, worldSize: 1 });
});

test.each([
  [{ CIFAR5M_RANK: "x" }, /^CIFAR5M_RANK must be an integer.*, got x\. Set it to a number, or unset it\.$/],
  [{ CIFAR5M_WORLD_SIZE: "0" }, /^CIFAR5M_WORLD_SIZE must be .*, got 0\. /],
  [{ CIFAR5M_RANK: "64", CIFAR5M_WORLD_SIZE: "64" }, /^--rank must be an integer in \[0, 63\], got 64\. /],
  [{ CIFAR5M_DEADLINE: "soon" }, /^CIFAR5M_DEADLINE must be .*, got soon\. /],
])("%j is refused in one line", (environment, message) => {
  expect(() => readWorker(shared, {}, environment)).toThrow(message);
});

test("lines of progress name the rank of several workers", () => {
  expect([readWorker(shared, {}, inJob), readWorker(shared, {}, {})].map(describeWorker)).toEqual([
    "rank 3/64",
    undefined,
  ]);
});
