import type { S3Client } from "@aws-sdk/client-s3";
import { Cifar5mError, messageOf } from "../../core/errors.ts";
import { parseS3Location } from "../../storage/parse-location.ts";
import { TransferError } from "./object-store.ts";
import { lacksCredentials, s3StatusOf } from "./s3-error.ts";
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
  waitForCredentials(client);
  const keyOf = (name: string) => (prefix === "" ? name : `${prefix}/${name}`);
  return {
    client,
    bucket,
    location: prefix === "" ? `s3://${bucket}` : `s3://${bucket}/${prefix}`,
    keyOf,
    urlOf: (name) => `s3://${bucket}/${keyOf(name)}`,
  };
}

/**
 * A client whose request the server has answered has had credentials. If it gets none for a later request, its settings are
 * not to blame, but the service that renews them, which may be busy: another attempt may get them.
 */
function waitForCredentials(client: S3Client): void {
  let hadSome = false;
  client.middlewareStack.add(
    (next) => async (args) => {
      try {
        const reply = await next(args);
        hadSome = true;
        return reply;
      } catch (thrown) {
        if (s3StatusOf(thrown) === 404) hadSome = true;
        if (!hadSome || !lacksCredentials(thrown)) throw thrown;
        throw new TransferError(messageOf(thrown), { cause: thrown, advice: "Check the credential service" });
      }
    },
    { step: "initialize" },
  );
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
