import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { diskError } from "../../storage/disk-error.ts";
import { makeTestFolder } from "../support/make-rows.ts";

test.skipIf(process.platform === "win32")("a file that outgrows the user's limit is told so", async () => {
  const script = `require("node:fs").writeFileSync(${JSON.stringify(join(await makeTestFolder(), "file"))}, Buffer.alloc(9000))`;
  const limited = `ulimit -f 1; exec "$0" -e '${script}'`;
  const said = spawnSync("sh", ["-c", limited, process.execPath], { encoding: "utf8" }).stderr;
  expect(said).toContain("EFBIG");
  const thrown = diskError(Object.assign(new Error("refused"), { code: "EFBIG" }), "write", "part-00000.arrow");
  expect(thrown).toMatchObject({
    code: "disk/file-too-large",
    message: expect.stringMatching(/^cannot write part-00000\.arrow: .*`ulimit -f`.*\(EFBIG\)\. Raise the limit, /),
  });
});
