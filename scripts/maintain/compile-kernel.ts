import { readFile } from "node:fs/promises";
import { Cifar5mError } from "../../core/errors.ts";

/** The version of AssemblyScript that made the kernels. */
export const compilerVersion = "0.28.20";

/** A kernel in WebAssembly. */
export interface Kernel {
  /** The AssemblyScript. */
  readonly source: string;
  /** The module that holds the bytes. */
  readonly target: string;
  /** What the module exports them as. */
  readonly name: string;
  /** Memory in pages of 64 KiB. */
  readonly pages: number;
}

/** All kernels. */
export const kernels = {
  normals: {
    source: "core/normals/assembly/kernel.ts",
    target: "core/normals/normals-kernel.ts",
    name: "normalsKernel",
    pages: 3,
  },
  pixels: {
    source: "pipeline/audit/pixels/assembly/kernel.ts",
    target: "pipeline/audit/pixels/pixel-kernel.ts",
    name: "pixelKernel",
    pages: 1,
  },
} as const satisfies Record<string, Kernel>;

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
 * Compiles a kernel.
 * @returns the text of its target; undefined where AssemblyScript is not installed
 * @throws Cifar5mError `maintain/compile-failed`
 */
export async function compileKernel(kernel: Kernel): Promise<string | undefined> {
  const compiler = await findCompiler();
  if (compiler === undefined) return undefined;
  const source = await readFile(kernel.source, "utf8");
  let module = new Uint8Array();
  const { error, stderr } = await compiler.main(
    ["kernel.ts", "--outFile", "kernel.wasm", "-O3", "--enable", "simd", "--runtime", "stub", "--noAssert"].concat(
      ...["--initialMemory", String(kernel.pages)],
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
    throw new Cifar5mError("maintain/compile-failed", `${kernel.source} must compile: ${error.message}\n${stderr}`);
  }
  return formatModule(module, kernel);
}

async function findCompiler(): Promise<Compiler | undefined> {
  // The compiler need not be installed, so TypeScript must not look for it.
  const name: string = "assemblyscript/asc";
  return (await import(name).catch(() => undefined)) as Compiler | undefined;
}

function formatModule(module: Uint8Array, { source, name }: Kernel): string {
  const lines =
    Buffer.from(module)
      .toString("base64")
      .match(/.{1,110}/g) ?? [];
  return [
    `// Made by scripts/maintain/make-kernels.ts from ${source}. Do not edit.`,
    "",
    "/** A WebAssembly module, in base64. */",
    `export const ${name} =`,
    `${lines.map((line) => `  "${line}"`).join(" +\n")};`,
    "",
  ].join("\n");
}
