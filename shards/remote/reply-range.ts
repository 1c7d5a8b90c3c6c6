import { type ObjectReply, TransferError } from "./object-store.ts";

/**
 * The range of the object's bytes that a reply carries, by its headers.
 * @throws TransferError if a partial reply does not say where it starts
 */
export function replyRange(reply: {
  readonly isWhole: boolean;
  readonly contentRange: string | undefined;
  readonly contentLength: string | number | undefined;
}): Pick<ObjectReply, "start" | "isWhole" | "totalBytes"> {
  if (reply.isWhole) {
    const length = Number(reply.contentLength ?? Number.NaN);
    return { start: 0, isWhole: true, totalBytes: Number.isNaN(length) ? undefined : length };
  }
  const match = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(reply.contentRange ?? "");
  if (match === null) throw new TransferError(`a part with Content-Range ${reply.contentRange ?? "missing"}`);
  return { start: Number(match[1]), isWhole: false, totalBytes: match[2] === "*" ? undefined : Number(match[2]) };
}
