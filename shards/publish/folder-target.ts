import { join } from "node:path";
import { hasCode } from "../../core/errors.ts";
import { commitBytes, replaceBytes } from "../../storage/commit.ts";
import { diskError, systemCodeOf } from "../../storage/disk-error.ts";
import { hashFile } from "../../storage/hash-file.ts";
import { readRegularFile } from "../../storage/regular-file.ts";
import { unlinkIfAny } from "../../storage/unlink-if-any.ts";
import type { UploadTarget } from "./upload-target.ts";

/** A folder as the target of an upload: on another disk, or one that a web server serves. */
export function folderTarget(directory: string): UploadTarget {
  const pathOf = (name: string) => join(directory, name);
  return {
    location: directory,
    urlOf: pathOf,
    async readText(name) {
      try {
        return (await readRegularFile(pathOf(name))).toString("utf8");
      } catch (thrown) {
        if (systemCodeOf(thrown) === "ENOENT") return undefined;
        throw diskError(thrown, "read", pathOf(name));
      }
    },
    async holds({ file, bytes, sha256 }) {
      try {
        const found = await hashFile(pathOf(file));
        return found.bytes === bytes && found.sha256 === sha256;
      } catch (thrown) {
        if (hasCode(thrown, "disk/missing")) return false;
        throw thrown;
      }
    },
    async put({ file }, data) {
      await replaceBytes(pathOf(file), data);
    },
    async putNew(name, text) {
      return (await commitBytes(pathOf(name), text)).outcome === "committed";
    },
    isExclusive: true,
    async remove(name) {
      await unlinkIfAny(pathOf(name));
    },
  };
}
