import { nearestWord } from "../../core/nearest-word.ts";

/**
 * Identifiers of licenses that people choose for data sets, of those that the Hub knows.
 * @see https://huggingface.co/docs/hub/repositories-licenses, which has all of them, and gains some at times
 */
const hubLicenses: readonly string[] = [
  ...["cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc-by-nd-4.0", "cc-by-nc-sa-4.0", "cc-by-nc-nd-4.0"],
  ...["cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-sa-3.0", "cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-nd-3.0"],
  ...["cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc", "pddl", "odbl", "odc-by", "c-uda"],
  ...["cdla-sharing-1.0", "cdla-permissive-1.0", "cdla-permissive-2.0", "etalab-2.0", "gfdl"],
  ...["apache-2.0", "mit", "bsd", "bsd-2-clause", "bsd-3-clause", "isc", "mpl-2.0", "unlicense", "wtfpl", "zlib"],
  ...["gpl", "gpl-2.0", "gpl-3.0", "lgpl", "lgpl-2.1", "lgpl-3.0", "agpl-3.0", "eupl-1.1", "eupl-1.2"],
  ...["afl-3.0", "artistic-2.0", "bsl-1.0", "ecl-2.0", "epl-1.0", "epl-2.0", "ms-pl", "ncsa", "ofl-1.1", "osl-3.0"],
  ...["openrail", "openrail++", "unknown", "other"],
];

/** A warning of a license that the Hub may not know, with the nearest that it knows; undefined if it knows it. */
export function warnOfLicense(license: string): string | undefined {
  if (hubLicenses.includes(license)) return undefined;
  // `cc0` is short of `cc0-1.0`, which is too far for a misspelled word.
  const nearest = hubLicenses.find((known) => known.startsWith(`${license}-`)) ?? nearestWord(license, hubLicenses);
  const question = nearest === undefined ? "" : ` Did you mean ${nearest}?`;
  return (
    `warning: --license should be an identifier of the Hugging Face Hub, got ${license}, which is none of the common ones.${question} ` +
    "See https://huggingface.co/docs/hub/repositories-licenses; `other` is for any license without one."
  );
}
