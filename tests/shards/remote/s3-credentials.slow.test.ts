import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test, vi } from "vitest";
import { openS3Files } from "../../../shards/remote/open-s3-files.ts";
import { patientTransfer } from "../../../shards/remote/transfer-options.ts";
import { errorOf } from "../../support/expect-error.ts";
import { startS3 } from "./s3-servers.ts";

/** A service that hands out credentials of two seconds, as those of containers do, where `isUp`. */
async function startCredentialService() {
  const service = { isUp: true, numRefused: 0 };
  const server = createServer((_, reply) => {
    if (!service.isUp) {
      service.numRefused++;
      reply.writeHead(503).end("busy");
      return;
    }
    const Expiration = new Date(Date.now() + 2000).toISOString();
    const credentials = { AccessKeyId: "S3RVER", SecretAccessKey: "S3RVER", Token: "token", Expiration };
    reply.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(credentials));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"]) vi.stubEnv(name, undefined);
  for (const name of ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"]) vi.stubEnv(name, "/dev/null");
  vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true");
  vi.stubEnv("AWS_CONTAINER_CREDENTIALS_FULL_URI", `http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  return service;
}

test("a run in a bucket waits for its credential service, once the service has answered", async () => {
  const { endpoint, region } = (await startS3("s3rver")).s3;
  const s3 = { endpoint, region: region! };
  const service = await startCredentialService();
  const policy = { ...patientTransfer, firstDelayMs: 10, maxDelayMs: 200, totalMs: 30_000 };
  const files = await openS3Files("s3://data/run", s3, { policy });
  expect(await files.find("s3://data/run/unit")).toBeUndefined();
  await sleep(2500);
  service.isUp = false;
  const found = files.find("s3://data/run/unit");
  await vi.waitUntil(() => service.numRefused > 1, { timeout: 60_000 });
  service.isUp = true;
  expect(await found).toBeUndefined();
  // One that is away for good is named, and not the settings.
  const brief = await openS3Files("s3://data/run", s3, { policy: { ...policy, totalMs: 1000 } });
  await sleep(2500);
  service.isUp = false;
  const { message } = await errorOf(() => brief.find("s3://data/run/unit"), "store/unreachable");
  expect(message).toContain("Check the credential service, then run again");
});

test("a command without credentials is told at once which settings are missing", async () => {
  const { endpoint, region } = (await startS3("s3rver")).s3;
  (await startCredentialService()).isUp = false;
  const { message } = await errorOf(
    () => openS3Files("s3://data/run", { endpoint, region: region! }),
    "store/s3-settings",
  );
  expect(message).toContain("Set AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile.");
});
