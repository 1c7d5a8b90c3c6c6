import { expect, test } from "vitest";
import { compareManifolds } from "../../../pipeline/score/compare-manifolds.ts";
import { sliceFeatures } from "../../../pipeline/score/features.ts";
import { compareWithReference } from "../../../pipeline/score/reference.ts";
import { normalFeatures } from "./make-features.ts";

test.each([
  [60, 200],
  [200, 60],
  [100, 100],
])(
  "manifolds of %d images and a reference of %d are compared with as many on both sides",
  async (count, numReference) => {
    const [compared, features] = [
      normalFeatures({ count: numReference, width: 4, id: 1 }),
      normalFeatures({ count, width: 4, id: 2 }),
    ];
    const scores = await compareWithReference({ compared, distanceTo: () => 7 }, features, "a set");
    const shared = Math.min(count, numReference);
    expect(scores).toMatchObject({ count, frechetDistance: 7, compared: { count: shared, reference: shared } });
    const expected = await compareManifolds(sliceFeatures(compared, 0, shared), sliceFeatures(features, 0, shared));
    expect(scores.manifold).toEqual(expected);
  },
);
