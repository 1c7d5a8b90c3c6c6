/** Files that outlive a page, by name. */
export interface ShardStorage {
  /** @returns undefined if there is none, or if it cannot be read */
  read(name: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Keeps a whole file, or none of it. A file that does not fit is not kept. */
  write(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
}

/** The parts of the browser's types that we use: the compiler knows only those of Node. */
interface FileHandle {
  readonly name: string;
  readonly kind: "file" | "directory";
  getFile(): Promise<File>;
  createWritable(): Promise<{
    write(bytes: Uint8Array): Promise<void>;
    close(): Promise<void>;
    abort(): Promise<void>;
  }>;
}

interface DirectoryHandle {
  getDirectoryHandle(name: string, options: { readonly create: boolean }): Promise<DirectoryHandle>;
  getFileHandle(name: string, options?: { readonly create: boolean }): Promise<FileHandle>;
  removeEntry(name: string): Promise<void>;
  values(): AsyncIterable<FileHandle>;
}

interface BrowserNavigator {
  readonly storage: { getDirectory(): Promise<DirectoryHandle> };
}

const directoryName = "cifar5m-shards";

/**
 * The Origin Private File System of the page's origin. Files written longest ago are removed beyond `maxBytes`.
 * @returns undefined where the browser has none, or denies it to this page
 * @see https://fs.spec.whatwg.org
 */
export async function openPrivateStorage(maxBytes: number): Promise<ShardStorage | undefined> {
  let directory: DirectoryHandle;
  try {
    const { navigator } = globalThis as unknown as { readonly navigator: BrowserNavigator };
    const root = await navigator.storage.getDirectory();
    directory = await root.getDirectoryHandle(directoryName, { create: true });
  } catch {
    return undefined;
  }
  // One after the other, so that each counts what the one before has written.
  let writing = Promise.resolve();
  return {
    async read(name) {
      try {
        const file = await (await directory.getFileHandle(name)).getFile();
        return new Uint8Array(await file.arrayBuffer());
      } catch {
        return undefined;
      }
    },
    async write(name, bytes) {
      // It may fail because the origin's quota is used up, for example. The shard is then fetched again next time.
      writing = writing.then(() => writeFile(directory, name, bytes, maxBytes)).catch(() => undefined);
      await writing;
    },
  };
}

async function writeFile(
  directory: DirectoryHandle,
  name: string,
  bytes: Uint8Array<ArrayBuffer>,
  maxBytes: number,
): Promise<void> {
  if (bytes.byteLength > maxBytes) return;
  await makeSpace(directory, maxBytes - bytes.byteLength);
  // The bytes replace those under the name when the stream is closed, and not before.
  const stream = await (await directory.getFileHandle(name, { create: true })).createWritable();
  try {
    await stream.write(bytes);
    await stream.close();
  } catch (thrown) {
    await stream.abort().catch(() => undefined);
    throw thrown;
  }
}

/**
 * Removes the files written longest ago until the others have at most this many bytes. Other pages may add and remove
 * files meanwhile. A listing also shows the browser's temporaries, which come and go.
 */
async function makeSpace(directory: DirectoryHandle, maxBytes: number): Promise<void> {
  const files: File[] = [];
  for await (const handle of directory.values()) {
    if (handle.kind !== "file" || !handle.name.endsWith(".arrow")) continue;
    const file = await handle.getFile().catch(() => undefined);
    if (file !== undefined) files.push(file);
  }
  let total = files.reduce((sum, { size }) => sum + size, 0);
  for (const { name, size } of files.sort((a, b) => a.lastModified - b.lastModified)) {
    if (total <= maxBytes) return;
    await directory.removeEntry(name).catch(() => undefined);
    total -= size;
  }
}
