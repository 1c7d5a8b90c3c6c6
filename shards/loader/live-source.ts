/** Makes images with ids beyond those of a data set. */
export interface LiveSource {
  /**
   * @param ids - sample ids that no shard holds; each is requested once per pass
   * @returns images uint8 [n, 32, 32, 3]; probabilities float32 [n, classes], which determine label and confidence;
   *   classes that the generator was asked for [n], −1 for none
   */
  sample(ids: Float64Array): Promise<LiveSamples>;
}

export interface LiveSamples {
  readonly images: Uint8Array;
  readonly probabilities: Float32Array;
  readonly classes: Uint8Array | Int8Array;
}
