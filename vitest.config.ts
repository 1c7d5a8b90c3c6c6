import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    exclude: ["tests/long/**"],
    globalSetup: ["tests/compile-sources.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
