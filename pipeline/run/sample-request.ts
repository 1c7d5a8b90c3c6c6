import { conditioningClassOf } from "./units.ts";

/** Images that a sampler is asked for: a `SampleRequest`. */
export interface IdRequest {
  readonly ids: Float64Array;
  /** Shape [n]; −1 for none. */
  readonly classes: Int8Array;
}

/** The request for some images. @param sampler - options of the sampler */
export function requestOf(ids: Float64Array, sampler: { readonly conditional: boolean }): IdRequest {
  return { ids, classes: Int8Array.from(ids, (id) => conditioningClassOf(id, sampler)) };
}

/** The request for `count` images with consecutive ids. */
export function requestFrom(firstId: number, count: number, sampler: { readonly conditional: boolean }): IdRequest {
  return requestOf(
    Float64Array.from({ length: count }, (_, index) => firstId + index),
    sampler,
  );
}
