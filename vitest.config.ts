import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

/** The inner loop: `npm test`. What starts builds, browsers, servers or Python, and takes long, is in `*.slow.test.ts`. */
export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    exclude: ["tests/long/**", "tests/**/*.slow.test.ts"],
    // Modules are loaded once a worker, not once a file: no test file changes what another imports.
    isolate: false,
    // Nor does a test leave variables of the environment behind.
    unstubEnvs: true,
    // Workers that the tests start run TypeScript too, which Node 20 does not do by itself.
    execArgv: ["--import", "tsx"],
    globalSetup: ["tests/support/compile-sources.ts"],
    // Most tests wait for processes of their own.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // Against a hang only: a loaded machine takes its time.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    coverage: {
      include: ["core", "storage", "engine", "networks", "shards", "generator", "labeler", "pictures", "pipeline"].map(
        (folder) => `${folder}/**/*.ts`,
      ),
      reporter: ["text-summary", "html"],
      reportsDirectory: ".cache/coverage",
    },
  },
});
