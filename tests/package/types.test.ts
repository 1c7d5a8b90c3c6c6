import { expectTypeOf, test } from "vitest";
import type { Batch, Dataset, Loader, LoaderOptions, LoaderState, Samples, writeDataset } from "../../shards/index.ts";

declare const dataset: Dataset;

// Nothing here runs: the compiler is the test.
const types = () => {
  const bytes = dataset.loader({ regime: "finite", batchSize: 8 });
  expectTypeOf(bytes).toEqualTypeOf<Loader<Uint8Array>>();
  const floats = dataset.loader({ regime: "infinite", batchSize: 8, dtype: "float32" });
  expectTypeOf(floats).toEqualTypeOf<Loader<Float32Array>>();
  expectTypeOf(floats[Symbol.asyncIterator]().next()).resolves.extract<{ done?: false }>().toHaveProperty("value");
  expectTypeOf<Batch<Float32Array>["images"]>().toEqualTypeOf<Float32Array>();
  expectTypeOf<Batch["confidences"]>().toEqualTypeOf<Float32Array | undefined>();
  expectTypeOf(bytes.state()).toEqualTypeOf<LoaderState>();
  expectTypeOf(dataset.readImages([1, 2])).resolves.toEqualTypeOf<Samples>();
  expectTypeOf(dataset.filter({ classes: ["cat", 3] })).resolves.toEqualTypeOf<Dataset>();
  // @ts-expect-error: a regime has to be chosen
  dataset.loader({ batchSize: 8 });
  // @ts-expect-error: the infinite regime has no epochs
  dataset.loader({ regime: "infinite", batchSize: 8, epochs: 3 });
  // @ts-expect-error: the finite regime has no live source
  dataset.loader({ regime: "finite", batchSize: 8, live: undefined as never });
  // @ts-expect-error: there is no such type of numbers
  dataset.loader({ regime: "finite", batchSize: 8, dtype: "float16" });
  expectTypeOf<LoaderOptions<"float32">["normalize"]>().exclude<boolean | undefined>().toHaveProperty("std");
  expectTypeOf<Parameters<typeof writeDataset>[1]>().toHaveProperty("classNames");
};

test("options of the loader give the types of its batches", () => {
  expectTypeOf(types).returns.toBeVoid();
});
