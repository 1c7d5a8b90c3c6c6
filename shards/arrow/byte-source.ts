import { damagedFileAdvice } from "../../core/damaged-file-advice.ts";
import { Cifar5mError } from "../../core/errors.ts";

/** Bytes that can be read at any position. */
export interface ByteSource {
  /** Named in errors. */
  readonly path: string;
  /** Size in bytes. */
  readonly bytes: number;
  /**
   * Fills `target` with the bytes from `position` on.
   * @throws Cifar5mError `table/truncated` if the source ends before that; `disk/…`
   */
  readInto(position: number, target: Uint8Array): void;
}

/** An open file; the owner closes it. */
export interface FileSource extends ByteSource {
  /** Whether the file's last name was removed. If so, closing it frees its disk space. */
  isRemoved(): boolean;
  close(): void;
}

/** Bytes in memory as a source. */
export function toByteSource(data: Uint8Array, path: string): ByteSource {
  return {
    path,
    bytes: data.byteLength,
    readInto(position, target) {
      const end = position + target.byteLength;
      if (end > data.byteLength) throw endsEarly(path, end, data.byteLength);
      target.set(data.subarray(position, end));
    },
  };
}

export function endsEarly(path: string, wanted: number, found: number): Cifar5mError {
  return new Cifar5mError(
    "table/truncated",
    `${path} must hold ${wanted} bytes, but it ends at ${found}. ${damagedFileAdvice}`,
  );
}
