import { expect, test } from "vitest";
import { noiseLevels, scheduleNames } from "../../../generator/sampling/noise-levels.ts";
import { errorOf } from "../../support/expect-error.ts";

const levels = { schedule: "karras", sigmaMin: 0.002, sigmaMax: 80, rho: 7 } as const;

test("karras: noise levels fall from sigmaMax to sigmaMin as in the paper, then to zero", () => {
  const sigmas = noiseLevels({ ...levels, steps: 18 });
  expect(sigmas).toHaveLength(19);
  expect(sigmas[0]).toBeCloseTo(80, 10);
  expect(sigmas[17]).toBeCloseTo(0.002, 12);
  expect(sigmas[18]).toBe(0);
  expect(sigmas[1]).toBeCloseTo((80 ** (1 / 7) + (0.002 ** (1 / 7) - 80 ** (1 / 7)) / 17) ** 7, 10);
});

test("exponential: the ratio of neighboring noise levels is constant", () => {
  const sigmas = noiseLevels({ ...levels, schedule: "exponential", steps: 5 });
  for (let index = 1; index < 5; index++) expect(sigmas[index]! / sigmas[index - 1]!).toBeCloseTo(40_000 ** -0.25, 12);
  expect(sigmas[4]).toBeCloseTo(0.002, 12);
});

test("linear-beta: with 1,000 steps, each step is a step of DDPM", () => {
  const sigmas = noiseLevels({ ...levels, schedule: "linear-beta", steps: 1000 });
  // The share of the image's variance at each level, and the beta of each step.
  const kept = sigmas.map((sigma) => 1 / (1 + sigma ** 2));
  const beta = (index: number) => 1 - kept[index]! / kept[index + 1]!;
  expect(beta(0)).toBeCloseTo(0.02, 12);
  expect(beta(999)).toBeCloseTo(1e-4, 12);
  expect(beta(499)).toBeCloseTo(1e-4 + ((999 - 499) / 999) * (0.02 - 1e-4), 10);
  const few = noiseLevels({ ...levels, schedule: "linear-beta", steps: 7 });
  expect(few[0]).toBe(sigmas[0]);
  expect(few[6]).toBe(sigmas[999]);
});

test.each(scheduleNames)(
  "%s: any number of steps gives strictly falling levels with one zero, the last",
  (schedule) => {
    for (const steps of [1, 2, 3, 50, 999, 1000]) {
      const sigmas = noiseLevels({ ...levels, schedule, steps });
      expect(sigmas).toHaveLength(steps + 1);
      for (let index = 0; index < steps; index++) expect(sigmas[index + 1]).toBeLessThan(sigmas[index]!);
      expect(sigmas[steps]).toBe(0);
    }
  },
);

test("linear-beta has levels of its own, whatever the others' bounds are", () => {
  const ofDdpm = noiseLevels({ ...levels, schedule: "linear-beta", steps: 7 });
  expect(noiseLevels({ ...levels, schedule: "linear-beta", steps: 7, sigmaMin: 5, sigmaMax: 1 })).toEqual(ofDdpm);
});

test.each([{ steps: 0 }, { steps: 1.5 }, { sigmaMin: 0 }, { sigmaMin: 90 }, { schedule: "linear-beta", steps: 1001 }])(
  "noise levels refuse %o",
  (wrong) => {
    expect(() => noiseLevels({ ...levels, steps: 18, ...wrong } as never)).toThrowError(
      expect.objectContaining({ code: "config/out-of-range" }),
    );
  },
);

test.each([
  [{ rho: 0.2 }, "sampler.sigmaMin, sigmaMax and rho must", " and then 0."],
  [{ schedule: "exponential", sigmaMax: 1e39 }, "sampler.sigmaMin and sigmaMax must", "got 1e+39"],
  [{ schedule: "exponential", sigmaMin: 1e-50 }, "sampler.sigmaMin and sigmaMax must", " and then 1.13"],
  [{ sigmaMin: 79.99999999999999 }, "sampler.sigmaMin, sigmaMax and rho must", " and then "],
] as const)(
  "options that give zero, infinite or equal noise levels are refused by their names: %o",
  async (wrong, ...parts) => {
    const { message } = await errorOf(() => noiseLevels({ ...levels, steps: 18, ...wrong }), "config/out-of-range");
    for (const part of parts) expect(message).toContain(part);
  },
);

test("a rho below 1 that earlier releases sampled with still gives its levels", () => {
  expect(noiseLevels({ ...levels, sigmaMin: 0.02, steps: 10, rho: 0.25 })[9]).toBeCloseTo(0.01989, 5);
});
