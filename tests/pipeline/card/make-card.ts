import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseDocument } from "yaml";
import { writeCard } from "../../../pipeline/card/write-card.ts";
import { writeDataset } from "../../../shards/index.ts";

/** Names that are markup, YAML, or neither. */
export const hostileNames = [
  "<script>alert(1)</script>",
  "![x](https://evil.example/x.png)",
  "[click](javascript:alert(1)) https://evil.example www.evil.example evil.example",
  "a\n---\nlicense: mit\n---\n# owned",
  'no: "yes" # {a: &b *c, d: !!python/object:os.system x}',
  "| cell | `code` | ~~gone~~ $x^2$ @everyone #1 :smile:",
  "yes",
  "1e3",
  "12:30",
  "\u0085\u2028 \ufeff\u202egnp.\u0000\u007f",
  "-->\n</details><img src=x onerror=alert(1)>",
  "*bold* _em_ **b** \\* &lt;b&gt; &amp;",
];

/** A data set with the given class names and two rows of each. @returns its folder */
export async function writeNamedSet(folder: string, classNames: readonly string[], name = "set"): Promise<string> {
  const directory = join(folder, "dataset");
  const labels = classNames.flatMap((_, label) => [label, label]);
  const images = Uint8Array.from({ length: labels.length * 3072 }, (_, index) => index % 251);
  const rows = { images, labels: Uint8Array.from(labels) } as const;
  await writeDataset(directory, { classNames, train: [rows], test: [rows], name });
  return directory;
}

/** A card, parsed: its head, and the text after it. */
export async function readCard(
  directory: string,
): Promise<{ head: Record<string, unknown>; text: string; whole: string }> {
  const whole = await readFile(join(directory, "README.md"), "utf8");
  const [, head = "", text = ""] = /^---\n(.*?)\n---\n(.*)$/s.exec(whole) ?? [];
  const document = parseDocument(head, { version: "1.1" });
  if (document.errors.length > 0) throw document.errors[0];
  return { head: document.toJS() as Record<string, unknown>, text, whole };
}

/** Writes a card and reads it. */
export async function makeCard(root: string, options: Omit<Parameters<typeof writeCard>[0], "root"> = {}) {
  const { directory } = await writeCard({ root, ...options });
  return await readCard(directory);
}
