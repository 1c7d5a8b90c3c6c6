import { afterAll, beforeAll, expect, test } from "vitest";
import { tensorData } from "../../../engine/graph/tensor.ts";
import { onnxruntimeEngine } from "../../../engine/onnxruntime/onnxruntime-engine.ts";
import { sum } from "../../../engine/ops/broadcast.ts";
import { add, mul } from "../../../engine/ops/elementwise.ts";
import { gather } from "../../../engine/ops/gather.ts";
import { zerosInitializer } from "../../../engine/parameters/parameters.ts";
import { sgd } from "../../../engine/training/optimizers.ts";
import { Trainer } from "../../../engine/training/trainer.ts";
import type { TrainingDefinition } from "../../../engine/training/training-definition.ts";
import { buildTrainingProgram } from "../../../engine/training/training-program.ts";
import { errorOf } from "../../support/expect-error.ts";

/** The loss is the sum of the table's elements at `indices`, so a step shows what it was fed. */
const definition: TrainingDefinition = {
  residents: { table: { dtype: "float32", shape: [4] } },
  step: { indices: { dtype: "int64", shape: [3] } },
  optimizer: sgd(),
  stepsPerCall: 2,
  numEmas: 2,
  loss: ({ scope, step, residents }) =>
    add(sum(gather(residents["table"]!, step["indices"]!)), mul(sum(scope.parameter("w", [1], zerosInitializer)), 0)),
};

const stepOf = (values: object, emaDecay: number | readonly number[] = 0) => ({
  learningRate: 0,
  emaDecay,
  values: values as { readonly [name: string]: BigInt64Array },
});
const indices = (...rows: bigint[]) => ({ indices: BigInt64Array.from(rows) });

let trainer: Trainer;
beforeAll(async () => {
  trainer = await Trainer.create({
    program: buildTrainingProgram(definition),
    engine: onnxruntimeEngine({ numThreads: 1 }),
    residents: { table: tensorData("float32", [4], [100, 1, 2, 3]) },
    seed: 0,
  });
});
afterAll(() => trainer.release());

test("each step gets its own values", async () => {
  const losses = await trainer.advance([stepOf(indices(3n, 3n, 1n)), stepOf(indices(0n, 1n, 1n), [0, 1])]);
  expect([...losses]).toEqual([7, 102]);
});

test.each([
  ["too few elements", indices(3n), 0, "engine/wrong-size"],
  ["too many elements", indices(3n, 3n, 3n, 3n, 3n), 0, "engine/wrong-size"],
  ["no value", {}, 0, "engine/missing-input"],
  ["an array of another type", { indices: Int32Array.of(1, 2, 3) }, 0, "engine/wrong-type"],
  ["decays for another number of EMAs", indices(1n, 2n, 3n), [0.5], "engine/wrong-size"],
])("a step with %s is refused by the name of the input", async (_, values, emaDecay, code) => {
  const before = trainer.state;
  const { message } = await errorOf(
    () => trainer.advance([stepOf(indices(1n, 1n, 1n)), stepOf(values, emaDecay)]),
    code,
  );
  expect(message).toContain(Array.isArray(emaDecay) ? '"emaDecay"' : '"indices"');
  expect(trainer.state).toBe(before);
});

test.each([0, 3])("a call of %i steps is refused if the program takes 1 to 2", async (count) => {
  const steps = new Array(count).fill(stepOf(indices(1n, 1n, 1n)));
  await errorOf(() => trainer.advance(steps), "engine/wrong-size");
});

test.each(["numSteps", "learningRate", "emaDecay", "stepNumber", "losses", "parameters", "average1", "slot0Next"])(
  'no resident array and no step input may be called "%s", which the training uses',
  async (name) => {
    const declared = { [name]: { dtype: "float32", shape: [] } } as const;
    const momentum = { ...definition, optimizer: sgd({ momentum: 0.9 }) };
    const build = (given: object) => () => buildTrainingProgram({ ...momentum, ...given });
    await errorOf(build({ residents: { ...definition.residents, ...declared } }), "engine/name-taken");
    await errorOf(build({ step: { ...definition.step, ...declared } }), "engine/name-taken");
  },
);

test("a resident array and a step input have different names, also from random arrays", async () => {
  const table = { dtype: "int64", shape: [3] } as const;
  await errorOf(
    () => buildTrainingProgram({ ...definition, step: { ...definition.step, table } }),
    "engine/name-taken",
  );
  const drawing: TrainingDefinition = {
    ...definition,
    step: { ...definition.step, random0: table },
    loss: (inputs) => add(definition.loss(inputs), sum(inputs.scope.random("normal", 1, [2]))),
  };
  await errorOf(() => buildTrainingProgram(drawing), "engine/name-taken");
});
