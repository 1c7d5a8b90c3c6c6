import { Cifar5mError, messageOf } from "../../core/errors.ts";
import { TransferError } from "./object-store.ts";
import { refusalOf } from "./refusal.ts";

/**
 * Names of refusals that another attempt may not get, whatever their status is. Each with what to do if it lasts;
 * undefined for the usual advice.
 */
const passingRefusals: ReadonlyMap<string, string | undefined> = new Map([
  ["RequestTimeout", undefined],
  ["IncompleteBody", undefined],
  ["OperationAborted", undefined],
  ["ConditionalRequestConflict", undefined],
  ["SlowDown", undefined],
  ["Throttling", undefined],
  ["ThrottlingException", undefined],
  ["RequestLimitExceeded", undefined],
  ["BadDigest", "Check the memory and the disk of this machine, and the network"],
  ["XAmzContentSHA256Mismatch", "Check the memory and the disk of this machine, and the network"],
  // The SDK takes the server's time from the refusal for its next signature.
  ["RequestTimeTooSkewed", "Set the clock of this machine"],
]);

/**
 * Translates an error of the SDK into ours. The name that S3 gives a refusal says more than its status.
 * @param url - the URL that was requested
 */
export function s3Error(thrown: unknown, url: string): Error {
  if (thrown instanceof TransferError) return thrown;
  const status = s3StatusOf(thrown);
  if (status !== undefined && status >= 300) return s3RefusalOf(thrown, url, status) ?? refusalOf(url, status);
  const message = messageOf(thrown);
  if (lacksCredentials(thrown) || /region is missing/i.test(message)) {
    return new Cifar5mError(
      "store/s3-settings",
      `${url} cannot be requested: ${message}. Set AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile.`,
      { cause: thrown },
    );
  }
  return new TransferError(message === "" ? String(thrown) : message, { cause: thrown });
}

/** Whether a request was not sent because the SDK found no credentials. */
export function lacksCredentials(thrown: unknown): boolean {
  return s3StatusOf(thrown) === undefined && /credential/i.test(messageOf(thrown));
}

/** The error for a refusal whose name says more than its status; undefined for others. */
function s3RefusalOf(thrown: unknown, url: string, status: number): Error | undefined {
  const name = thrown instanceof Error ? thrown.name : "";
  if (passingRefusals.has(name)) {
    return new TransferError(`HTTP status ${status} ${name}`, { cause: thrown, advice: passingRefusals.get(name) });
  }
  if (status === 507 || /quota|storagefull|insufficientstorage/i.test(name)) {
    return new Cifar5mError(
      "store/full",
      `${url} cannot be written: the bucket is full or its quota is spent, the server answers ${status} ${name}. ` +
        "Make room or raise the quota, then run again: what is finished is kept.",
    );
  }
  if (/expired|TokenRefreshRequired/i.test(name)) {
    return new Cifar5mError(
      "store/forbidden",
      `${url} is refused: the credentials have expired, the server answers ${status} ${name}. ` +
        "Renew them, then run again: what is finished is kept.",
    );
  }
  if (name === "NoSuchBucket") {
    return new Cifar5mError(
      "store/not-found",
      `${url} must be in a bucket that exists, the server answers ${status} ${name}. Check its name, or create it.`,
    );
  }
  return otherRegionError(thrown, url, status);
}

/** The error for a bucket that is in another region than its requests are sent to; undefined for other refusals. */
function otherRegionError(thrown: unknown, url: string, status: number): Cifar5mError | undefined {
  const { name, Region, $response } = thrown as {
    readonly name?: string;
    readonly Region?: string;
    readonly $response?: { readonly headers?: Readonly<Record<string, string>> };
  };
  const isRedirect = status === 301 || status === 307;
  // A malformed key has this name too, but names no region.
  const isOfRegion = isRedirect || (name === "AuthorizationHeaderMalformed" && Region !== undefined);
  if (!isOfRegion) return undefined;
  const region = $response?.headers?.["x-amz-bucket-region"] ?? Region;
  const where = region === undefined ? "another region than AWS_REGION says" : `the region ${region}`;
  return new Cifar5mError(
    "store/s3-settings",
    `${url} must be requested in the region of its bucket: it is in ${where}, the server answers ${status}. ` +
      `Set AWS_REGION${region === undefined ? "" : `=${region}`}, or the option s3.region.`,
  );
}

/** HTTP status of an error of the SDK, if the server answered at all. */
export function s3StatusOf(thrown: unknown): number | undefined {
  if (!(thrown instanceof Error && "$metadata" in thrown)) return undefined;
  return (thrown.$metadata as { readonly httpStatusCode?: number }).httpStatusCode;
}
