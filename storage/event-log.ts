import { appendFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { replaceBytes } from "./commit.ts";
import { diskError } from "./disk-error.ts";
import { makeFolder } from "./durable-folder.ts";
import { encodeScalars, encodeVersion, listRecords, type Scalars } from "./event-records.ts";
import { readFileIfAny } from "./read-file.ts";

/** Name of the file. TensorBoard takes every file with `tfevents` in its name. */
const fileName = "events.out.tfevents.cifar5m";

/** Scalars of a training in a file that TensorBoard reads. */
export interface EventLog {
  /**
   * Drops the records after a step, and a last record that was cut short.
   * @param step - of the checkpoint that the training resumes from; undefined to begin again
   */
  cut(step: number | undefined): Promise<void>;
  append(step: number, scalars: Scalars): Promise<void>;
}

/**
 * Opens the event log in a folder. The file appears with the first scalars. It is a single file for all sessions of a
 * training, so every step is in it once, whatever reads it.
 * @throws Cifar5mError `disk/…`, from each of its functions
 */
export function openEventLog(folder: string): EventLog {
  const path = join(folder, fileName);
  return {
    async cut(step) {
      const file = await readFileIfAny(path);
      if (file === undefined) return;
      const records = listRecords(file);
      const end = records.findLast((record, index) => index === 0 || record.step <= (step ?? -1))?.end ?? 0;
      if (end < file.length) await replaceBytes(path, file.subarray(0, end));
    },
    async append(step, scalars) {
      const wallTime = Date.now() / 1000;
      try {
        await makeFolder(folder);
        const version = (await isEmpty(path)) ? encodeVersion(wallTime) : new Uint8Array();
        await appendFile(path, Buffer.concat([version, encodeScalars(step, scalars, wallTime)]));
      } catch (thrown) {
        throw diskError(thrown, "write", path);
      }
    },
  };
}

async function isEmpty(path: string): Promise<boolean> {
  return await stat(path).then(
    ({ size }) => size === 0,
    () => true,
  );
}
