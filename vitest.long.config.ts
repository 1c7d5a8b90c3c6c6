import { defineConfig } from "vitest/config";

/** Tests that take minutes: `npm run test:long`. */
export default defineConfig({
  test: {
    include: ["tests/long/**/*.test.ts"],
    // Workers that the tests start run TypeScript too, which Node 20 does not do by itself.
    execArgv: ["--import", "tsx"],
    globalSetup: ["tests/support/compile-sources.ts"],
    testTimeout: 3_600_000,
    hookTimeout: 120_000,
  },
});
