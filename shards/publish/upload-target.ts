/** A file as the manifest knows it. */
export interface KnownFile {
  /** Relative to the data set, with forward slashes. */
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** A place that a data set can be published to. */
export interface UploadTarget {
  readonly location: string;
  urlOf(name: string): string;
  /** A small file, or undefined if there is none. */
  readText(name: string, signal: AbortSignal): Promise<string | undefined>;
  /** Whether a file is there with these bytes, by a checksum of what the place has, not of what was sent. */
  holds(file: KnownFile, data: () => Promise<Uint8Array>, signal: AbortSignal): Promise<boolean>;
  /** Puts a file there, whole or not at all; one that exists is replaced. */
  put(file: KnownFile, data: Uint8Array, signal: AbortSignal): Promise<void>;
  /** Puts a small file there. @returns false if the name exists, where the place can tell */
  putNew(name: string, text: string, signal: AbortSignal): Promise<boolean>;
  /** Whether `putNew` succeeds for one only of those who put a name there at the same time. */
  readonly isExclusive: boolean;
  /** Removes a file, if it is there. */
  remove(name: string, signal: AbortSignal): Promise<void>;
}
