import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import buildConfig from "../../tsconfig.build.json" with { type: "json" };

test("every code that a docstring promises is one that the sources throw", async () => {
  let code = "";
  const promised = new Set<string>();
  for (const folder of buildConfig.include) {
    const names = await readdir(folder, { recursive: true });
    for (const name of names.filter((file) => /\.ts$/.test(file) && !file.includes("node_modules"))) {
      const text = await readFile(join(folder, name), "utf8");
      code += text.replaceAll(/\/\*\*.*?\*\//gs, "");
      for (const [docstring] of text.matchAll(/\/\*\*.*?\*\//gs)) {
        const [, throws = ""] = docstring.split("@throws", 2);
        for (const [, thrown] of throws.matchAll(/`([a-z0-9-]+\/(?:[a-z0-9-]+|…))`/g)) promised.add(thrown!);
      }
    }
  }
  // Records and options are read with codes such as `${area}/unknown-key`.
  const isThrown = (thrown: string) =>
    thrown.endsWith("…")
      ? code.includes(`"${thrown.slice(0, -1)}`)
      : code.includes(`"${thrown}"`) || code.includes(`}${thrown.slice(thrown.indexOf("/"))}\``);
  expect(promised.size).toBeGreaterThan(100);
  expect([...promised].filter((thrown) => !isThrown(thrown))).toEqual([]);
});
