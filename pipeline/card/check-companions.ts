import { crc32 } from "node:zlib";
import { parseJson } from "../../core/parse-json.ts";
import type { DatasetProblem } from "../../shards/index.ts";
import { companionNames } from "../../shards/publish/upload-companions.ts";
import { joinPath } from "../../storage/join-path.ts";
import { readFileIfAny } from "../../storage/read-file.ts";

/** What begins a PNG file. */
const pngSignature = "89504e470d0a1a0a";

/** What is wrong with a companion, if anything, phrased to follow its path. */
const faults = {
  [companionNames.card]: (bytes: Buffer) => (/[^\s\0]/.test(bytes.toString("utf8")) ? undefined : "holds no text"),
  [companionNames.croissant]: (bytes: Buffer) =>
    isJson(bytes.toString("utf8")) ? undefined : "must be JSON, and is not",
  [companionNames.picture]: (bytes: Buffer) => (isWholePng(bytes) ? undefined : "must be a whole PNG file, and is not"),
} as const;

/**
 * Checks the card of a data set, croissant.json and the picture, as far as they can be known: the manifest does not name them.
 * A card may be edited, so any text of it will do. A set of an earlier release has none of the three, and needs none.
 * @param directory - the data set folder
 * @returns the problems; each names its file
 * @throws Cifar5mError `disk/…`
 */
export async function checkCompanions(directory: string): Promise<DatasetProblem[]> {
  const found = await Promise.all(
    Object.entries(faults).map(async ([name, faultOf]) => {
      const file = joinPath(directory, name);
      const bytes = await readFileIfAny(file);
      return { file, isThere: bytes !== undefined, fault: bytes && faultOf(Buffer.from(bytes)) };
    }),
  );
  if (!found.some(({ isThere }) => isThere)) return [];
  return found.flatMap(({ file, isThere, fault = isThere ? undefined : "does not exist" }) => {
    if (fault === undefined) return [];
    const message = `${file} ${fault}. Run \`cifar5m card\`, which writes it again.`;
    return [{ file, code: isThere ? "card/damaged" : "card/missing", message }];
  });
}

function isJson(text: string): boolean {
  try {
    return typeof parseJson(text) === "object";
  } catch {
    return false;
  }
}

/** Whether every chunk has its checksum, and the last one is the end. */
function isWholePng(bytes: Buffer): boolean {
  if (bytes.toString("hex", 0, 8) !== pngSignature) return false;
  for (let start = 8; start + 12 <= bytes.length; ) {
    const end = start + 8 + bytes.readUInt32BE(start);
    if (end + 4 > bytes.length || crc32(bytes.subarray(start + 4, end)) !== bytes.readUInt32BE(end)) return false;
    if (bytes.toString("latin1", start + 4, start + 8) === "IEND") return end + 4 === bytes.length;
    start = end + 4;
  }
  return false;
}
