import { expect, test } from "vitest";
import { randomStreams } from "../../../core/random.ts";
import { Graph } from "../../../engine/graph/graph.ts";
import { constantScope } from "../../../engine/parameters/constant-scope.ts";
import { buildEvaluationProgram } from "../../../engine/training/evaluation-program.ts";
import { errorOf } from "../../support/expect-error.ts";

test("a network gets no random numbers outside a training, as the graph of its evaluation or with constant weights", async () => {
  const error = await errorOf(
    () =>
      buildEvaluationProgram({ parameters: [], states: [] }, {}, (scope) =>
        scope.random("uniform", randomStreams.trainFlip, [1]),
      ),
    "engine/not-training",
  );
  const other = await errorOf(
    () => constantScope(new Graph(), new Map()).random("uniform", randomStreams.trainFlip, [1]),
    "engine/not-training",
  );
  expect(error).toEqual(other);
});
