import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { GetObjectCommand, ListObjectsV2Command, type S3Client } from "@aws-sdk/client-s3";
import { makeTestFolder } from "../../support/make-rows.ts";

/** Copies the objects of a run into a folder, without what only a bucket has. */
export async function downloadRun(client: S3Client, prefix: string): Promise<string> {
  const folder = await makeTestFolder();
  let token: string | undefined;
  do {
    const page = await client.send(
      new ListObjectsV2Command({ Bucket: "data", Prefix: `${prefix}/`, ...(token && { ContinuationToken: token }) }),
    );
    for (const { Key = "" } of page.Contents ?? []) {
      if (Key.endsWith("/conditional-writes.txt")) continue;
      const path = join(folder, Key.slice(prefix.length + 1));
      await mkdir(dirname(path), { recursive: true });
      const { Body } = await client.send(new GetObjectCommand({ Bucket: "data", Key }));
      await writeFile(path, await Body!.transformToByteArray());
    }
    token = page.NextContinuationToken;
  } while (token !== undefined);
  return folder;
}
