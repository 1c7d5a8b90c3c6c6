import { Cifar5mError } from "../../core/errors.ts";

/**
 * Figures that another command has measured. `stale`: of another set than the one here, such as an earlier one of the
 * same folder. `unreadable`: the file is there, but it is damaged, edited by hand, or of another release.
 */
export type Measured<Value> =
  | { readonly kind: "found"; readonly value: Value }
  | { readonly kind: "none" | "stale" | "unreadable" };

/**
 * @param read - reads the report; undefined if there is none
 * @param set - sha256 of the set
 * @throws Cifar5mError `disk/…`
 */
export async function readMeasured<Value extends { readonly dataset: { readonly sha256: string } }>(
  read: () => Promise<Value | undefined>,
  set: string,
): Promise<Measured<Value>> {
  try {
    const value = await read();
    if (value === undefined) return { kind: "none" };
    return value.dataset.sha256 === set ? { kind: "found", value } : { kind: "stale" };
  } catch (thrown) {
    if (!(thrown instanceof Cifar5mError) || !/^json\/corrupt$|\/(invalid|version-unsupported)$/.test(thrown.code)) {
      throw thrown;
    }
    return { kind: "unreadable" };
  }
}
