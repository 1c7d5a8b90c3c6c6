import { describeAudit } from "../audit/describe-audit.ts";
import { classificationRows, describeBasis, distanceRows, scoreSentences } from "../score/describe-score.ts";
import type { CardFacts } from "./card-facts.ts";
import { bullets, code, type Markdown, md, table } from "./markdown.ts";
import type { Measured } from "./measured.ts";

/** What `score` has measured: distances, labels, memorized images, and the 2×2 table of classifiers. */
export function scoreSection({ score }: CardFacts): Markdown {
  const title = md`## Quality`;
  if (score.kind !== "found") return md`${title}\n\n${missing(score, "Not scored", "cifar5m score", "score.json")}`;
  const { value } = score;
  const rowsOf = ([titles, ...rows]: readonly string[][]) => table(titles!, rows);
  const classification =
    value.classification === undefined
      ? md`Classifiers were not trained on it (${code("score --cas")} does).`
      : rowsOf(classificationRows(value.classification));
  return md`${title}\n\n${describeBasis(value)}\n\n${rowsOf(distanceRows(value))}\n\n${bullets(scoreSentences(value).map((sentence) => md`${sentence}`))}\n\n${classification}`;
}

/** What `audit` has found. */
export function auditSection({ audit }: CardFacts): Markdown {
  const title = md`## Audit`;
  if (audit.kind !== "found") return md`${title}\n\n${missing(audit, "Not audited", "cifar5m audit", "audit.json")}`;
  return md`${title}\n\n${bullets(describeAudit(audit.value).map((line) => md`${line}`))}`;
}

function missing({ kind }: Measured<unknown>, not: string, command: string, file: string): Markdown {
  if (kind === "stale") return md`${not}: ${code(file)} is of another set.`;
  if (kind === "unreadable") return md`${not}: ${code(file)} could not be read.`;
  return md`${not}. ${code(command)} does it.`;
}
