/** A file with its size and hash, as the manifest lists it. */
export interface KnownFile {
  /** Relative to the data set, with forward slashes. */
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** A location that a data set can be published to. */
export interface UploadTarget {
  readonly location: string;
  urlOf(name: string): string;
  /** Reads a small file, or undefined if it does not exist. */
  readText(name: string, signal: AbortSignal): Promise<string | undefined>;
  /** Whether a file exists with these bytes, by a checksum of the stored bytes, not of the sent ones. */
  holds(file: KnownFile, data: () => Promise<Uint8Array>, signal: AbortSignal): Promise<boolean>;
  /** Writes a file, whole or not at all. An existing file is replaced. */
  put(file: KnownFile, data: Uint8Array, signal: AbortSignal): Promise<void>;
  /** Writes a small file. @returns false if the name exists, as far as the target can tell */
  putNew(name: string, text: string, signal: AbortSignal): Promise<boolean>;
  /** Whether `putNew` succeeds for exactly one of several callers that write the same name at the same time. */
  readonly isExclusive: boolean;
  /** Removes a file, if it exists. */
  remove(name: string, signal: AbortSignal): Promise<void>;
}
