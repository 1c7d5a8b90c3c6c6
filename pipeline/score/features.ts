/** Feature vectors of images. */
export interface Features {
  readonly count: number;
  /** Numbers of a vector. */
  readonly width: number;
  /** Shape [count, width] flattened. */
  readonly values: Float32Array;
}

/** Some of the vectors; the result shares their memory. */
export function sliceFeatures({ width, values, count }: Features, start: number, end: number): Features {
  const last = Math.min(end, count);
  return { count: last - start, width, values: values.subarray(start * width, last * width) };
}
