import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Cifar5mError, messageOf } from "../../core/errors.ts";
import { compileBinding, requireCompiler } from "./compile-binding.ts";
import { installLibraries, type SetupOptions } from "./install-libraries.ts";

/** The version that the binding was tested with; any 2.x with this C interface would work. */
export const tensorFlowVersion = "2.21.0";

const libraries = ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"];
/** The headers that the binding includes: TensorFlow's C interface, and the layout of its strings. */
const header = /^tensorflow\/include\/(tensorflow\/c\/|xla\/tsl\/c\/|(tensorflow\/core|tsl)\/platform\/ctstring).*\.h$/;

/** The npm package that gets TensorFlow and the binding. */
export interface BindingPackage {
  /** The folder of @tensorflow/tfjs-node or @tensorflow/tfjs-node-gpu. */
  readonly folder: string;
  /** The Python package whose TensorFlow it gets: `tensorflow-cpu`, or `tensorflow`, which supports CUDA. */
  readonly source: "tensorflow-cpu" | "tensorflow";
}

/** @throws Cifar5mError `setup/package-missing` */
export function bindingPackage(gpu: boolean): BindingPackage {
  const name = gpu ? "@tensorflow/tfjs-node-gpu" : "@tensorflow/tfjs-node";
  try {
    const path = createRequire(import.meta.url).resolve(`${name}/package.json`);
    return { folder: dirname(path), source: gpu ? "tensorflow" : "tensorflow-cpu" };
  } catch (thrown) {
    throw new Cifar5mError(
      "setup/package-missing",
      `${name} must be installed, and is not. Install cifar5m again, without --omit=optional.`,
      { cause: thrown },
    );
  }
}

/**
 * Gives TensorFlow.js a native TensorFlow: the libraries and headers of the Python package, and the binding of the npm
 * package compiled against them. All files go into the npm package's folder, where the package looks for them.
 * @param options.compiler - a C++ compiler
 * @returns whether anything was done
 * @throws Cifar5mError `setup/…`, `disk/…`
 */
export async function installTensorFlow(
  options: SetupOptions & { readonly compiler: string },
  { folder, source }: BindingPackage,
): Promise<boolean> {
  const members = new Map(libraries.map((name) => [`tensorflow/${name}`, join(folder, "deps", "lib", name)]));
  const include = join(folder, "deps", "include");
  return await installLibraries({
    setup: options,
    requirement: `${source}==${tensorFlowVersion}`,
    contents: {
      name: source.replace("-", "_"),
      version: tensorFlowVersion,
      targetOf: (member) =>
        members.get(member) ??
        (header.test(member) ? join(include, member.slice("tensorflow/include/".length)) : undefined),
      required: [...members.keys(), "tensorflow/include/tensorflow/c/eager/c_api.h"],
    },
    marker: join(folder, "deps", `tensorflow-${tensorFlowVersion}`),
    // The wheel is large. What is missing is told before it is fetched.
    prepare: async () => {
      nodeApiHeaders();
      await requireCompiler(options.compiler, options.signal);
    },
    finish: async () => {
      options.report("compiling the binding");
      await compileBinding({
        ...options,
        folder,
        include: [include, nodeApiHeaders()],
        libraries: [...members.values()],
      });
    },
  });
}

/** The headers of Node's C interface, which is the same in all versions of Node. */
function nodeApiHeaders(): string {
  try {
    return (createRequire(import.meta.url)("node-api-headers") as { include_dir: string }).include_dir;
  } catch (thrown) {
    throw new Cifar5mError(
      "setup/package-missing",
      `node-api-headers must be installed to compile the binding: ${messageOf(thrown).split("\n", 1)[0]}. Run \`npm i node-api-headers\`.`,
      { cause: thrown },
    );
  }
}
