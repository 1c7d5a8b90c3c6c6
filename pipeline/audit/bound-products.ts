import { Graph } from "../../engine/graph/graph.ts";
import { type TensorData, tensorData } from "../../engine/graph/tensor.ts";
import { onnxruntimeEngine } from "../../engine/onnxruntime/onnxruntime-engine.ts";
import { abs, add } from "../../engine/ops/elementwise.ts";
import { matmul } from "../../engine/ops/matmul.ts";
import { max } from "../../engine/ops/reduce.ts";
import { reshape } from "../../engine/ops/reshape.ts";
import { BoundScores, groupSize } from "./bound-scores.ts";
import type { Projection } from "./project-images.ts";
import type { ReferenceIndex } from "./reference-index.ts";

/** Number of references of one product, at most; a multiple of `groupSize`. Their scores stay in a core's cache. */
const maxBlockColumns = 2000;
/** Score of a column that pads a block: lower than that of any reference. */
const padding = -1e30;

/**
 * Bounds all distances of a batch of images to the references.
 *
 * Let q and r be an image and a reference around gray, P the projection onto the basis. The Cauchy–Schwarz inequality bounds
 * the part of their product outside of it: ⟨q, r⟩ ≤ ⟨Pq, Pr⟩ + |q − Pq| |r − Pr|. Mirroring r changes the sign of the odd
 * part of ⟨Pq, Pr⟩. So with E and O its even and odd parts, score(q, r) = E + |O| + |q − Pq| |r − Pr| − |r|² / 2 gives
 * |q|² − 2 score(q, r), a lower bound on the smaller one of the squared distances to r and to its mirror image.
 */
export interface BoundProducts {
  /** @param projection - of at most `batchSize` images */
  run(projection: Projection): Promise<BoundScores>;
  close(): Promise<void>;
}

/** Compiles the products with blocks of references, for one thread. */
export async function openBoundProducts(index: ReferenceIndex, batchSize: number): Promise<BoundProducts> {
  const { numEven, numOdd } = index.basis;
  const { numReferences } = index;
  const groups = Math.ceil(Math.min(maxBlockColumns, Math.max(1, numReferences)) / groupSize);
  const columns = groups * groupSize;
  const numBlocks = Math.ceil(numReferences / columns);
  const graph = new Graph();
  const even = graph.input("even", "float32", [batchSize, numEven + 2]);
  const odd = graph.input("odd", "float32", [batchSize, numOdd]);
  for (let block = 0; block < numBlocks; block++) {
    const parts = blockOf(index, block * columns, columns);
    const scores = add(matmul(even, graph.constant(parts.even)), abs(matmul(odd, graph.constant(parts.odd))));
    graph.output(`scores ${block}`, scores);
    graph.output(`maxima ${block}`, max(reshape(scores, [batchSize, groups, groupSize]), { axes: [2] }));
  }
  const executable = await onnxruntimeEngine({ numThreads: 1 }).compile(graph);
  return {
    run: async (projection) => {
      const found = await executable.run(feedsOf(index, projection, batchSize));
      const blocksOf = (name: string) =>
        Array.from({ length: numBlocks }, (_, block) => found[`${name} ${block}`]!.data as Float32Array);
      return new BoundScores(blocksOf("scores"), blocksOf("maxima"), groups);
    },
    close: () => executable.release(),
  };
}

/** The coefficients of some references as the columns of two matrices; the even one has two more rows. */
function blockOf(index: ReferenceIndex, start: number, columns: number) {
  const { numEven, numOdd } = index.basis;
  const even = new Float32Array((numEven + 2) * columns);
  const odd = new Float32Array(numOdd * columns);
  even.fill(padding, (numEven + 1) * columns);
  for (let column = 0; column < Math.min(columns, index.numReferences - start); column++) {
    const reference = start + column;
    const first = reference * (numEven + numOdd);
    for (let row = 0; row < numEven; row++) even[row * columns + column] = index.coefficients[first + row]!;
    for (let row = 0; row < numOdd; row++) odd[row * columns + column] = index.coefficients[first + numEven + row]!;
    even[numEven * columns + column] = index.restNorms[reference]!;
    even[(numEven + 1) * columns + column] = -index.squaredNorms[reference]! / 2;
  }
  return {
    even: tensorData("float32", [numEven + 2, columns], even),
    odd: tensorData("float32", [numOdd, columns], odd),
  };
}

function feedsOf(index: ReferenceIndex, projection: Projection, batchSize: number): Record<string, TensorData> {
  const { numEven, numOdd } = index.basis;
  const even = new Float32Array(batchSize * (numEven + 2));
  const odd = new Float32Array(batchSize * numOdd);
  for (let row = 0; row < projection.squaredNorms.length; row++) {
    const first = row * (numEven + numOdd);
    even.set(projection.coefficients.subarray(first, first + numEven), row * (numEven + 2));
    even[row * (numEven + 2) + numEven] = projection.restNorms[row]!;
    even[row * (numEven + 2) + numEven + 1] = 1;
    odd.set(projection.coefficients.subarray(first + numEven, first + numEven + numOdd), row * numOdd);
  }
  return {
    even: { dtype: "float32", shape: [batchSize, numEven + 2], data: even },
    odd: { dtype: "float32", shape: [batchSize, numOdd], data: odd },
  };
}
