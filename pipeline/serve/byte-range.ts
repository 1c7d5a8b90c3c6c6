/** Bytes [start, end) of a resource. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * The part of `size` bytes that a Range header asks for.
 * @param header - for example `bytes=0-99`, `bytes=100-` or `bytes=-64`, the last 64 bytes or as many as there are
 * @returns undefined for the whole resource: no header, several ranges, another unit, or a malformed range, all of
 *   which a server may ignore
 * @see RFC 9110, sections 14.1.2 and 14.2
 */
export function parseByteRange(header: string | undefined, size: number): ByteRange | "unsatisfiable" | undefined {
  const [, first = "", last = ""] = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i.exec(header ?? "") ?? [];
  if (first === "" && last === "") return undefined;
  if (first === "") {
    const length = Math.min(Number(last), size);
    return length === 0 ? "unsatisfiable" : { start: size - length, end: size };
  }
  const start = Number(first);
  if (last !== "" && Number(last) < start) return undefined;
  if (start >= size) return "unsatisfiable";
  return { start, end: last === "" ? size : Math.min(Number(last) + 1, size) };
}
