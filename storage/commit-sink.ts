/** Where a writer puts the bytes of one file, in order. */
export interface CommitSink {
  /** Appends data. The caller may reuse the bytes once the promise is fulfilled. A text is written as UTF-8. */
  write(data: Uint8Array | string): Promise<void>;
  /** Bytes appended so far. */
  readonly bytes: number;
}

/** What was written. */
export interface Written {
  readonly bytes: number;
  /** Hexadecimal sha256 of the bytes that this call wrote, even if it kept an existing file instead. */
  readonly sha256: string;
}

/** What was committed. */
export interface Committed extends Written {
  /** `kept-existing`: another worker was first, so the name existed and the new bytes were discarded. */
  readonly outcome: "committed" | "kept-existing";
}

export type CommitWriter = (sink: CommitSink) => Promise<void> | void;
