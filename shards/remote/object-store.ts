/** A request to a store for one object, or for a part of it. */
export interface ObjectRequest {
  /** First byte wanted. */
  readonly start: number;
  /** One past the last byte wanted; undefined for the end of the object. */
  readonly end: number | undefined;
  /** The version that earlier bytes came from. The server is asked to refuse parts of another version. */
  readonly version: string | undefined;
  /** Aborts the request, even while its body is read. */
  readonly signal: AbortSignal;
}

/** The reply of a store. */
export interface ObjectReply {
  /** Position in the object of the first byte of `body`. It is 0 if the server ignored the range. */
  readonly start: number;
  /** Whether the server sends the object up to its end, instead of the requested range. */
  readonly isWhole: boolean;
  /** Size of the whole object in bytes, if the server says so. */
  readonly totalBytes: number | undefined;
  /** A strong ETag, or else the time of the last change: equal for equal bytes, and different after a change. */
  readonly version: string | undefined;
  readonly contentType: string | undefined;
  /** Throws TransferError if the connection breaks. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** A store of objects that can be read by name. */
export interface ObjectStore {
  /** URL of the data set, without secrets; named in errors. */
  readonly location: string;
  /** URL of an object, without secrets; named in errors. */
  urlOf(name: string): string;
  /**
   * @throws TransferError if another attempt may succeed; Cifar5mError `store/not-found`, `store/forbidden`,
   *   `store/refused` if not
   */
  get(name: string, request: ObjectRequest): Promise<ObjectReply>;
}

/** A request that failed, but may succeed when it is repeated. Its message says what was received. */
export class TransferError extends Error {
  override readonly name = "TransferError";
  /** What to do if the request fails like this every time; undefined: check the network and the server. */
  readonly advice: string | undefined;
  /** How many requests failed, where more than one was made. */
  readonly numFailures: number;

  constructor(
    message?: string,
    options: {
      readonly cause?: unknown;
      readonly advice?: string | undefined;
      readonly numFailures?: number;
    } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.advice = options.advice;
    this.numFailures = options.numFailures ?? 1;
  }
}

/** The received bytes are not those of the wanted object. The message says what was received. */
export class ContentError extends Error {
  override readonly name = "ContentError";
}
