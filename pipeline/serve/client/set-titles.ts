import { shortHash } from "../../../core/format.ts";
import type { Manifest } from "../../../shards/format/manifest.ts";

/** What sets are called beside each other: by letter and name, and by hash where names are equal. */
export function setTitles(manifests: readonly Pick<Manifest, "name" | "sha256">[]): string[] {
  const hasEqualNames = new Set(manifests.map(({ name }) => name)).size < manifests.length;
  return manifests.map(({ name, sha256 }, at) => {
    const title = `${"AB"[at]}: ${name}`;
    return hasEqualNames ? `${title} (${shortHash(sha256)})` : title;
  });
}
