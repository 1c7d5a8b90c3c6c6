import { expect } from "vitest";
import { BuilderError } from "../../core/errors.ts";

/** The error that something throws, which must be one of ours with this code. */
export async function errorOf(work: () => Promise<unknown> | unknown, code: string): Promise<BuilderError> {
  const thrown = await Promise.resolve()
    .then(work)
    .then(
      () => undefined,
      (error: unknown) => error,
    );
  expect(thrown).toBeInstanceOf(BuilderError);
  expect((thrown as BuilderError).line).toMatch(new RegExp(`^${code}: `));
  return thrown as BuilderError;
}
