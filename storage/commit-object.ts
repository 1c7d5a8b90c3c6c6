import type { Committed, CommitWriter, Written } from "./commit-sink.ts";
import type { ObjectFiles } from "./object-files.ts";
import { spool } from "./spool.ts";

/** `commitFile` for a path in a bucket. A conditional write is what a hard link is in a folder. */
export async function commitObject(files: ObjectFiles, path: string, write: CommitWriter): Promise<Committed> {
  const data = await spool(write);
  try {
    const isNew = await files.write(path, data, { condition: "if-absent" });
    return { bytes: data.bytes, sha256: data.sha256, outcome: isNew ? "committed" : "kept-existing" };
  } finally {
    await data.remove();
  }
}

/** `replaceFile` for a path in a bucket. */
export async function replaceObject(
  files: ObjectFiles,
  path: string,
  write: CommitWriter,
  options: { readonly check?: (written: Written) => void },
): Promise<Committed> {
  const data = await spool(write);
  try {
    options.check?.(data);
    await files.write(path, data);
    return { bytes: data.bytes, sha256: data.sha256, outcome: "committed" };
  } finally {
    await data.remove();
  }
}
