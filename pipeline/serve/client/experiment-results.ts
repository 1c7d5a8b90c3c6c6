import { formatCount } from "../../../core/format.ts";
import { make } from "./dom.ts";
import {
  type CurvePoint,
  type ExperimentPlan,
  loaderOptionsOf,
  type WorkerMessage,
  type WorldName,
  worldNames,
} from "./experiment-plan.ts";

/** The figures of both worlds after the same batches, newest first. */
export function resultTable(points: readonly CurvePoint[]): HTMLElement {
  const of = (world: WorldName) =>
    new Map(points.filter((point) => point.world === world).map((point) => [point.numBatches, point]));
  const [real, ideal] = worldNames.map(of) as [Map<number, CurvePoint>, Map<number, CurvePoint>];
  const rows = [...ideal.values()].reverse().map(({ numBatches, softError, error }) => {
    const other = real.get(numBatches)!;
    const cells = [other.softError, softError, other.softError - softError, other.error, error];
    return make(
      "tr",
      {},
      make("th", { scope: "row" }, formatCount(numBatches)),
      ...cells.map((value) => make("td", { class: "number" }, value.toFixed(3))),
    );
  });
  const heads = ["Batches", "Real, soft error", "Ideal, soft error", "Gap", "Real, error", "Ideal, error"];
  return make(
    "details",
    { class: "figures-table" },
    make("summary", {}, "Figures"),
    make(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": "Figures" },
      make(
        "table",
        {},
        make(
          "thead",
          {},
          make("tr", {}, ...heads.map((text, at) => make("th", { scope: "col", class: at > 0 ? "number" : "" }, text))),
        ),
        make("tbody", {}, ...rows),
      ),
    ),
  );
}

/** The ids that each world has seen, and the lines that show the same in Node. */
export function idsSection(plan: ExperimentPlan, ids: Extract<WorkerMessage, { kind: "done" }>["ids"]): HTMLElement {
  const pairs = worldNames.flatMap((world) => [
    make("dt", {}, `${world} world`),
    make(
      "dd",
      {},
      `${formatCount(ids[world].count)} ids, sha256 `,
      make("code", { "data-world": world }, ids[world].sha256),
      `, first ${ids[world].first.join(", ")} …`,
    ),
  ]);
  return make(
    "section",
    { class: "ids" },
    make("h2", {}, "The same batches elsewhere"),
    make(
      "p",
      {},
      "Which images a batch has follows from the options alone. These lines print the same hashes in Node:",
    ),
    make("pre", { tabindex: 0, role: "region", "aria-label": "Lines for Node" }, make("code", {}, nodeLines(plan))),
    make("dl", {}, ...pairs),
  );
}

/** A program for Node that prints the hashes of the ids of both worlds. */
function nodeLines(plan: ExperimentPlan): string {
  const literal = (world: WorldName) =>
    JSON.stringify(loaderOptionsOf(plan, world), (_, value) =>
      value === Number.POSITIVE_INFINITY ? "∞" : value,
    ).replace('"∞"', "Infinity");
  const location = new URL("dataset", window.location.href).href;
  return `import { createHash } from "node:crypto";
import { openDataset } from "cifar5m";

const dataset = await openDataset(${JSON.stringify(location)});
for (const options of [
  ${literal("real")},
  ${literal("ideal")},
]) {
  const ids = [];
  for await (const batch of dataset.loader(options)) {
    ids.push(...batch.ids);
    if (ids.length === ${plan.numBatches * plan.batchSize}) break;
  }
  console.log(createHash("sha256").update(Float64Array.from(ids)).digest("hex"));
}`;
}
