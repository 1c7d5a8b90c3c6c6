import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    exclude: ["tests/long/**"],
    // Workers that the tests start run TypeScript too, which Node 20 does not do by itself.
    execArgv: ["--import", "tsx"],
    globalSetup: ["tests/support/compile-sources.ts"],
    // Most tests wait for processes of their own.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // Against a hang only: a loaded machine takes its time.
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});
