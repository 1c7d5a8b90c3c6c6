/** What is asked of a store for one object. */
export interface ObjectRequest {
  /** First byte wanted. */
  readonly start: number;
  /** One past the last byte wanted; undefined: to the end. */
  readonly end: number | undefined;
  /** The version that earlier bytes came from; the server is asked to send no part of another one. */
  readonly version: string | undefined;
  /** Ends the request, also while its body is read. */
  readonly signal: AbortSignal;
}

/** What came. */
export interface ObjectReply {
  /** Position in the object of the first byte of `body`: 0 where the server ignored the range. */
  readonly start: number;
  /** Whether the server sends the object to its end, instead of the range asked for. */
  readonly isWhole: boolean;
  /** Size of the whole object in bytes, if the server says so. */
  readonly totalBytes: number | undefined;
  /** Equal for equal bytes, another one after a change: a strong ETag, else the time of the last change. */
  readonly version: string | undefined;
  readonly contentType: string | undefined;
  /** Throws TransferError where the connection breaks. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** A place that objects can be read from by name. */
export interface ObjectStore {
  /** URL of the data set, without secrets; named in errors. */
  readonly location: string;
  /** URL of an object, without secrets; named in errors. */
  urlOf(name: string): string;
  /**
   * @throws TransferError for what may go better next time; Cifar5mError `store/not-found`, `store/forbidden`,
   *   `store/refused` for what will not
   */
  get(name: string, request: ObjectRequest): Promise<ObjectReply>;
}

/** A request that failed in a way that may go better next time. Its message says what came. */
export class TransferError extends Error {
  override readonly name = "TransferError";
}

/** An object that is not the one wanted, as far as it came. Its message says what came. */
export class ContentError extends Error {
  override readonly name = "ContentError";
}
