import { createHash } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { mountObjects, type ObjectFiles } from "../../storage/object-files.ts";

interface StoredObject {
  readonly data: Buffer;
  readonly note: string | undefined;
}

/** A bucket in memory, mounted at a location of its own. */
export interface MemoryBucket {
  readonly root: string;
  /** By name below the root. */
  readonly objects: Map<string, StoredObject>;
  /** Successful writes, by name. */
  readonly numWrites: Map<string, number>;
  /** Called before and after each request: may wait, or throw. The request has its effect in between, at once. */
  around(name: string, when: "before" | "after"): Promise<void>;
}

let numBuckets = 0;

/** What S3 promises, in a Map. */
export function mountMemoryBucket(): MemoryBucket {
  const root = `s3://memory-${numBuckets++}/runs/one`;
  const objects = new Map<string, StoredObject>();
  const numWrites = new Map<string, number>();
  const bucket: MemoryBucket = { root, objects, numWrites, around: async () => undefined };
  const nameOf = (path: string) => path.slice(root.length + 1);
  const versionOf = ({ data }: StoredObject) => createHash("md5").update(data).digest("hex");
  const request = async <Reply>(path: string, act: () => Reply): Promise<Reply> => {
    await bucket.around(nameOf(path), "before");
    const reply = act();
    await bucket.around(nameOf(path), "after");
    return reply;
  };
  const files: ObjectFiles = {
    root,
    find: (path) =>
      request(path, () => {
        const found = objects.get(nameOf(path));
        return found === undefined
          ? undefined
          : { bytes: found.data.length, version: versionOf(found), modifiedMs: 0, note: found.note };
      }),
    read: (path) => request(path, () => objects.get(nameOf(path))?.data),
    write: async (path, source, { condition, note } = {}) => {
      const opened = source.open();
      const data = opened instanceof Uint8Array ? Buffer.from(opened) : await buffer(opened);
      const name = nameOf(path);
      return await request(path, () => {
        const found = objects.get(name);
        if (condition === "if-absent" && found !== undefined) return false;
        if (typeof condition === "object" && (found === undefined || versionOf(found) !== condition.ifVersion)) {
          return false;
        }
        objects.set(name, { data, note });
        numWrites.set(name, (numWrites.get(name) ?? 0) + 1);
        return true;
      });
    },
    remove: (path) => request(path, () => void objects.delete(nameOf(path))),
    list: (path) =>
      request(path, () => {
        const prefix = path === root ? "" : `${nameOf(path)}/`;
        const below = [...objects.keys()].filter((name) => name.startsWith(prefix));
        return [...new Set(below.map((name) => name.slice(prefix.length).split("/")[0]!))];
      }),
  };
  mountObjects(files);
  return bucket;
}
