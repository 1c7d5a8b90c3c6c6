import { onTestFinished } from "vitest";
import { type DatasetServer, startDatasetServer } from "../../../pipeline/serve/start-server.ts";
import { standInRuntime } from "../../support/stand-in-runtime.ts";

/**
 * Serves a folder from this process; the server ends with the test.
 * @returns the server, and the errors that it has reported so far
 */
export async function startInProcess(
  folder: string,
  options: { readonly compare?: string } = {},
): Promise<{ readonly server: DatasetServer; readonly errors: readonly unknown[] }> {
  const errors: unknown[] = [];
  const server = await startDatasetServer({
    ...{ folder, ...options, host: "127.0.0.1", port: 0, runtime: standInRuntime() },
    report: (thrown) => errors.push(thrown),
  });
  onTestFinished(() => server.close());
  return { server, errors };
}
