import { Readable } from "node:stream";
import type { HeadObjectCommandInput, HeadObjectCommandOutput, S3Client } from "@aws-sdk/client-s3";
import { s3StatusOf } from "./s3-error.ts";

/** Statuses of refusals that S3 gives names to. */
const namedStatuses: readonly (number | undefined)[] = [301, 307, 400, 403, 409];

/**
 * Asks for what a bucket knows of an object. A reply to HEAD has no body, so a refusal has no name: a GET asks for it.
 * @throws the SDK's error
 */
export async function headObject(
  client: S3Client,
  input: HeadObjectCommandInput,
  options: { readonly abortSignal?: AbortSignal } = {},
): Promise<HeadObjectCommandOutput> {
  const { GetObjectCommand, HeadObjectCommand } = await import("@aws-sdk/client-s3");
  const head = () => client.send(new HeadObjectCommand(input), options);
  try {
    return await head();
  } catch (thrown) {
    if (!namedStatuses.includes(s3StatusOf(thrown))) throw thrown;
  }
  const { Bucket, Key } = input;
  const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }), options);
  if (Body instanceof Readable) Body.destroy();
  return await head();
}
