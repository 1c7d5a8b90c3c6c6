import type { S3Client } from "@aws-sdk/client-s3";
import { Cifar5mError, messageOf } from "../../core/errors.ts";
import { parseS3Location } from "../../storage/parse-location.ts";
import { TransferError } from "./object-store.ts";
import { refusalOf } from "./refusal.ts";
import type { S3Options } from "./s3-options.ts";

/** A prefix of a bucket, and the client that reaches it. */
export interface S3Folder {
  readonly client: S3Client;
  readonly bucket: string;
  /** `s3://bucket/prefix`, without a slash at the end. */
  readonly location: string;
  keyOf(name: string): string;
  urlOf(name: string): string;
}

/**
 * Opens `s3://bucket/prefix`. The SDK is loaded here, so programs that need no S3 do not load it.
 * @throws Cifar5mError `store/bad-location`; `store/no-s3-client` where the SDK is not installed
 */
export async function openS3Folder(location: string, options: S3Options = {}): Promise<S3Folder> {
  const { bucket, prefix } = parseS3Location(location);
  const { S3Client: Client } = await loadSdk();
  // Otherwise the SDK advises, in nine lines, to upgrade Node 20; we install its release for Node 20.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";
  const isElsewhere = [options.endpoint, process.env.AWS_ENDPOINT_URL_S3, process.env.AWS_ENDPOINT_URL].some(Boolean);
  const client = new Client({
    forcePathStyle: isElsewhere,
    ...options,
    // Our own retries know which bytes were already received.
    maxAttempts: 1,
    requestHandler: { connectionTimeout: 10_000, socketTimeout: 120_000 },
    // It would print a line about every streamed upload that is refused, and we say what was refused.
    logger: silent,
    // Our sha256 covers more, and many servers do not support the trailing checksums that are the default.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
  });
  const keyOf = (name: string) => (prefix === "" ? name : `${prefix}/${name}`);
  return {
    client,
    bucket,
    location: prefix === "" ? `s3://${bucket}` : `s3://${bucket}/${prefix}`,
    keyOf,
    urlOf: (name) => `s3://${bucket}/${keyOf(name)}`,
  };
}

const ignore = () => undefined;
const silent = { trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore };

/** Readers of local and web data sets do not need the SDK. */
async function loadSdk() {
  try {
    return await import("@aws-sdk/client-s3");
  } catch (thrown) {
    throw new Cifar5mError(
      "store/no-s3-client",
      `s3:// needs @aws-sdk/client-s3, which cannot be loaded (${messageOf(thrown).split("\n")[0]}). ` +
        "Install it: npm install @aws-sdk/client-s3@3.",
      { cause: thrown },
    );
  }
}

/** Translates an error of the SDK into ours. @param url - the URL that was requested */
export function s3Error(thrown: unknown, url: string): Error {
  const status = s3StatusOf(thrown);
  if (status !== undefined && status >= 300) return s3RefusalOf(thrown, url, status) ?? refusalOf(url, status);
  const message = messageOf(thrown);
  if (/region is missing|credential/i.test(message)) {
    return new Cifar5mError(
      "store/s3-settings",
      `${url} cannot be requested: ${message}. Set AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile.`,
      { cause: thrown },
    );
  }
  return new TransferError(message === "" ? String(thrown) : message, { cause: thrown });
}

/** The error for a refusal whose name says more than its status; undefined for others. */
function s3RefusalOf(thrown: unknown, url: string, status: number): Cifar5mError | undefined {
  const name = thrown instanceof Error ? thrown.name : "";
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
  return undefined;
}

/** HTTP status of an error of the SDK, if the server answered at all. */
export function s3StatusOf(thrown: unknown): number | undefined {
  if (!(thrown instanceof Error && "$metadata" in thrown)) return undefined;
  return (thrown.$metadata as { readonly httpStatusCode?: number }).httpStatusCode;
}
