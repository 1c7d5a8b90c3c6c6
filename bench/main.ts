/** All benchmarks, one after the other: `npm run bench`. */

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const benchmarks = ["unet", "networks", "loader"];

for (const name of benchmarks) {
  console.log(`\n── ${name} ──`);
  const script = fileURLToPath(new URL(`${name}/${name}.js`, import.meta.url));
  const { status } = spawnSync(process.execPath, [script], { stdio: "inherit" });
  if (status !== 0) process.exitCode = 1;
}
