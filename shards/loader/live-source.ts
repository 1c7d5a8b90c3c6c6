/** Makes images beyond those of a data set. */
export interface LiveSource {
  /**
   * @param ids - sample ids that no shard holds, each asked for once a pass
   * @returns images uint8 [n, 32, 32, 3]; probabilities float32 [n, classes], of which label and confidence follow; classes,
   *   what the generator was asked for [n], −1 for nothing
   */
  sample(ids: Float64Array): Promise<LiveSamples>;
}

export interface LiveSamples {
  readonly images: Uint8Array;
  readonly probabilities: Float32Array;
  readonly classes: Uint8Array | Int8Array;
}
