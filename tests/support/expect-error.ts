import { expect } from "vitest";
import { Cifar5mError } from "../../core/errors.ts";

/** The error that something throws, which must be one of ours with this code. */
export async function errorOf(work: () => Promise<unknown> | unknown, code: string): Promise<Cifar5mError> {
  const thrown = await Promise.resolve()
    .then(work)
    .then(
      () => undefined,
      (error: unknown) => error,
    );
  expect(thrown).toBeInstanceOf(Cifar5mError);
  expect((thrown as Cifar5mError).line).toMatch(new RegExp(`^${code}: `));
  return thrown as Cifar5mError;
}
