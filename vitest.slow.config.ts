import { defineConfig } from "vitest/config";
import config from "./vitest.config.ts";

/** What `npm test` leaves out: the second half of `npm run test:all`. */
export default defineConfig({
  test: { ...config.test, include: ["tests/**/*.slow.test.ts"], exclude: ["tests/long/**"] },
});
