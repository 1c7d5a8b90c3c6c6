import { Cifar5mError } from "../../core/errors.ts";
import { ContentError, TransferError } from "./object-store.ts";

/**
 * The error for a server's refusal: TransferError or ContentError if another request may succeed, otherwise one of
 * `store/…`.
 */
export function refusalOf(url: string, status: number): Error {
  if (status >= 500 || [408, 425, 429].includes(status)) return new TransferError(`HTTP status ${status}`);
  // We requested bytes that exist according to the manifest, of the version that earlier bytes came from.
  if (status === 416 || status === 412) return new ContentError(`another, or a shorter, file (HTTP status ${status})`);
  if (status === 404 || status === 410) {
    return new Cifar5mError(
      "store/not-found",
      `${url} must exist, the server answers ${status}. Check the address, or publish the data set there again.`,
    );
  }
  if (status === 401 || status === 403) {
    return new Cifar5mError(
      "store/forbidden",
      `${url} must be readable, the server answers ${status}. Check credentials and access rights; some servers say so of what does not exist.`,
    );
  }
  return new Cifar5mError(
    "store/refused",
    `${url} must be answered with 200 or 206, the server answers ${status}. Check the address and the server.`,
  );
}
