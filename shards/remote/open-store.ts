import { Cifar5mError, messageOf } from "../../core/errors.ts";
import { hideSecrets } from "../../storage/parse-location.ts";
import { httpStore } from "./http-store.ts";
import type { ObjectStore } from "./object-store.ts";
import { openS3Folder } from "./s3-client.ts";
import type { S3Options } from "./s3-options.ts";
import { s3Store } from "./s3-store.ts";

/** How to reach a store. */
export interface StoreOptions {
  /** Headers of every request to a web server, for example `{ authorization: "Bearer …" }`. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly s3?: S3Options;
}

/**
 * Opens `https://…`, `http://…` or `s3://…`. This sends no request.
 * @throws Cifar5mError `store/bad-location`, `store/bad-header`
 */
export async function openStore(location: string, options: StoreOptions = {}): Promise<ObjectStore> {
  if (location.startsWith("s3://")) return s3Store(await openS3Folder(location, options.s3));
  try {
    return httpStore(location, { headers: options.headers });
  } catch (thrown) {
    if (thrown instanceof Cifar5mError) throw thrown;
    const what = `must be a URL: ${messageOf(thrown)}`;
    throw new Cifar5mError("store/bad-location", `${hideSecrets(location)} ${what}. Correct it.`);
  }
}
