import { companionNames } from "../../shards/publish/upload-companions.ts";
import { sealText } from "../../storage/sealed-text.ts";
import type { CardFacts } from "./card-facts.ts";
import { cardHead, titleOf } from "./card-head.ts";
import type { CardLayout } from "./card-layout.ts";
import { citationSection } from "./citation.ts";
import { contentSection, introduction, limitsSection, removalsSection } from "./content-sections.ts";
import { loadSection } from "./load-section.ts";
import { Markdown, md } from "./markdown.ts";
import { auditSection, scoreSection } from "./measured-sections.ts";
import { licenseSection, originSection } from "./origin-sections.ts";

const picture = new Markdown(
  `![The first train images of each label, none of them selected](${companionNames.picture})`,
);

/**
 * The card of a data set: a YAML head for the Hugging Face Hub, then Markdown for people. All text from the manifest and
 * from other files is escaped.
 * @returns the text, which ends with its own hash; see `sealText`
 */
export function describeDataset(facts: CardFacts, layout: CardLayout): string {
  const sections: readonly Markdown[] = [
    md`# ${titleOf(facts)}`,
    introduction(facts),
    ...(layout.hasPicture ? [picture] : []),
    contentSection(facts, layout),
    originSection(facts),
    removalsSection(facts),
    scoreSection(facts),
    auditSection(facts),
    limitsSection(facts, layout),
    loadSection(facts, layout),
    licenseSection(facts),
    citationSection(facts),
  ];
  return sealText(`---\n${cardHead(facts, layout)}---\n\n${sections.map(({ text }) => `${text}\n`).join("\n")}\n`);
}
