import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** The sources of a package's entries, by their names in `exports`. */
async function entriesOf(packageJson: string): Promise<[name: string, source: string][]> {
  const { name, exports } = JSON.parse(await readFile(join(root, packageJson), "utf8"));
  return Object.entries(exports as Record<string, { readonly default?: string }>)
    .filter(([, { default: file }]) => file?.endsWith(".js") === true && !file.includes("*"))
    .map(([entry, { default: file }]) => [
      `${name}${entry.slice(1)}`,
      join(root, file!.replace("./dist/", "").replace(/\.js$/, ".ts")),
    ]);
}

const kinds: readonly (readonly [ts.SymbolFlags, string])[] = [
  [ts.SymbolFlags.Class, "class"],
  [ts.SymbolFlags.Function, "function"],
  [ts.SymbolFlags.Interface, "interface"],
  [ts.SymbolFlags.TypeAlias, "type"],
  [ts.SymbolFlags.Variable, "const"],
  [ts.SymbolFlags.Module, "namespace"],
];

test("the packages export these names, and no others: whoever widens them sees it in the diff", async () => {
  const entries = [...(await entriesOf("package.json")), ...(await entriesOf("shards/package.json"))];
  const { config } = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root);
  const program = ts.createProgram(
    entries.map(([, source]) => source),
    { ...options, noEmit: true },
  );
  const checker = program.getTypeChecker();
  const names = entries.map(([name, source]) => {
    const symbol = checker.getSymbolAtLocation(program.getSourceFile(source)!)!;
    const lines = checker.getExportsOfModule(symbol).map((exported) => {
      const target = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
      const kind = kinds.find(([flag]) => (target.flags & flag) !== 0)?.[1] ?? "unknown";
      return `${kind} ${exported.name}`;
    });
    return `${name}\n${lines
      .sort()
      .map((line) => `  ${line}\n`)
      .join("")}`;
  });
  await expect(names.join("\n")).toMatchFileSnapshot("public-names.txt");
});
