import { appendOne, type Operator, shapeError, type Tensor } from "../graph/graph.ts";
import { normalizeAxes } from "../graph/shapes.ts";
import { zerosLike } from "./broadcast.ts";
import { reshape, transpose } from "./reshape.ts";

const Gather: Operator = {
  name: "Gather",
  vjp: ({ inputs: [table, indices], attributes }, [gradient]) => {
    const axis = attributes["axis"] as number;
    const rank = table!.shape.length;
    const numIndexAxes = indices!.shape.length;
    const gatheredAxes = indices!.shape.map((_, index) => axis + index);
    const otherAxes = gradient!.shape.map((_, index) => index).filter((index) => !gatheredAxes.includes(index));
    const rows = transpose(gradient!, [...gatheredAxes, ...otherAxes]);
    const tableAxes = table!.shape.map((_, index) => index);
    const order = [axis, ...tableAxes.filter((index) => index !== axis)];
    const added = scatterAdd(
      { like: table!, shape: order.map((index) => table!.shape[index]!) },
      reshape(indices!, [-1]),
      reshape(rows, [-1, ...rows.shape.slice(numIndexAxes)]),
    );
    return [
      axis === 0
        ? added
        : transpose(
            added,
            Array.from({ length: rank }, (_, index) => order.indexOf(index)),
          ),
    ];
  },
};

/** Picks slices of a table along an axis. The axes of `indices` (int64, any shape) replace that axis. */
export function gather(table: Tensor, indices: Tensor, axis = 0): Tensor {
  if (indices.dtype !== "int64") throw shapeError(`gather by ${indices.dtype}`, "indices must be int64", indices.shape);
  const along = normalizeAxes([axis], table.shape.length)[0]!;
  const shape = [...table.shape.slice(0, along), ...indices.shape, ...table.shape.slice(along + 1)];
  return appendOne(Gather, [table, indices], { axis: along }, table.dtype, shape);
}

const ScatterND: Operator = {
  name: "ScatterND",
  onnxAttributes: () => ({ reduction: "add" }),
  vjp: ({ inputs: [_table, indices] }, [gradient]) => [
    gradient,
    undefined,
    gather(gradient!, reshape(indices!, indices!.shape.slice(0, -1))),
  ],
};

/** Adds rows [K, ...] into zeros of a shape [M, ...] at `indices` [K]. Rows with equal indices are summed. */
function scatterAdd(
  table: { readonly like: Tensor; readonly shape: readonly number[] },
  indices: Tensor,
  rows: Tensor,
): Tensor {
  const zeros = zerosLike({ ...table.like, graph: rows.graph, shape: table.shape });
  const positions = reshape(indices, [...indices.shape, 1]);
  return appendOne(ScatterND, [zeros, positions, rows], {}, rows.dtype, table.shape);
}
