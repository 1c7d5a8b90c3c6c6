import { expect, test } from "vitest";
import { parseLocation } from "../../storage/parse-location.ts";
import { errorOf } from "../support/expect-error.ts";

test("a URL object names the key of a bucket that its text names", async () => {
  for (const url of ["s3://bucket/a b/ü", "s3://bucket", "s3://bucket/p+q&r=s/"]) {
    expect(parseLocation(new URL(url))).toEqual(parseLocation(url));
  }
  expect(parseLocation(new URL("s3://bucket/%41%25"))).toEqual({ kind: "s3", url: "s3://bucket/A%" });
  // A text is taken as it is.
  expect(parseLocation("s3://bucket/%41")).toEqual({ kind: "s3", url: "s3://bucket/%41" });
  const url = new URL("https://host/a%20b");
  expect(parseLocation(url)).toEqual({ kind: "http", url: url.href });
  await errorOf(() => parseLocation(new URL("s3://bucket/100%")), "store/bad-location");
});
