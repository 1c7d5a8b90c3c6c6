import { readFile } from "node:fs/promises";
import { Cifar5mError } from "../../core/errors.ts";

/** The version of AssemblyScript that made `core/normals/normals-kernel.ts`. */
export const compilerVersion = "0.28.20";

const sourcePath = "core/normals/assembly/kernel.ts";

/** The part of AssemblyScript's compiler that is used here. */
interface Compiler {
  main(
    args: readonly string[],
    host: {
      readonly readFile: (name: string) => string | null;
      readonly writeFile: (name: string, contents: Uint8Array) => void;
      readonly listFiles: () => readonly string[];
    },
  ): Promise<{ readonly error: Error | null; readonly stderr: { toString(): string } }>;
}

/**
 * Compiles the kernel of `core/normals/`.
 * @returns the text of `core/normals/normals-kernel.ts`; undefined where AssemblyScript is not installed
 * @throws Cifar5mError `maintain/compile-failed`
 */
export async function compileNormalsKernel(): Promise<string | undefined> {
  const compiler = await findCompiler();
  if (compiler === undefined) return undefined;
  const source = await readFile(sourcePath, "utf8");
  let module = new Uint8Array();
  const { error, stderr } = await compiler.main(
    ["kernel.ts", "--outFile", "kernel.wasm", "-O3", "--enable", "simd", "--runtime", "stub", "--noAssert"].concat(
      ...["--initialMemory", "3"],
    ),
    {
      readFile: (name) => (name === "kernel.ts" ? source : null),
      writeFile: (_, contents) => {
        module = Uint8Array.from(contents);
      },
      listFiles: () => [],
    },
  );
  if (error !== null) {
    throw new Cifar5mError("maintain/compile-failed", `${sourcePath} must compile: ${error.message}\n${stderr}`);
  }
  return formatModule(module);
}

async function findCompiler(): Promise<Compiler | undefined> {
  // The compiler need not be installed, so TypeScript must not look for it.
  const name: string = "assemblyscript/asc";
  return (await import(name).catch(() => undefined)) as Compiler | undefined;
}

function formatModule(module: Uint8Array): string {
  const lines =
    Buffer.from(module)
      .toString("base64")
      .match(/.{1,110}/g) ?? [];
  return [
    "// Made by scripts/maintain/make-normals-kernel.ts from core/normals/assembly/kernel.ts. Do not edit.",
    "",
    "/** A WebAssembly module, in base64. */",
    "export const normalsKernel =",
    `${lines.map((line) => `  "${line}"`).join(" +\n")};`,
    "",
  ].join("\n");
}
