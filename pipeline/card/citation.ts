import { hashPrefix } from "../../core/format.ts";
import { plainText } from "../../core/plain-text.ts";
import type { CardFacts } from "./card-facts.ts";
import { titleOf } from "./card-head.ts";
import { codeBlock, type Markdown, md } from "./markdown.ts";

/** A reference to the set, in BibTeX. */
export function citationOf(facts: CardFacts): string {
  const { manifest, options } = facts;
  const creator = options.creator === undefined ? "" : `\n  author = {{${bibtexText(options.creator)}}},`;
  const url =
    options.repository === undefined ? "" : `\n  url = {https://huggingface.co/datasets/${options.repository}},`;
  return `@misc{cifar5m-${hashPrefix(manifest.sha256)},${creator}
  title = {{${bibtexText(titleOf(facts))}}},${url}
  note = {Data set ${manifest.sha256}, made by ${bibtexText(manifest.createdBy)}}
}`;
}

/** How to cite the set, and what it rests on. */
export function citationSection(facts: CardFacts): Markdown {
  const works =
    facts.origin.kind === "generated"
      ? `

@techreport{krizhevsky2009learning,
  author = {Krizhevsky, Alex},
  title = {Learning Multiple Layers of Features from Tiny Images},
  institution = {University of Toronto},
  year = {2009}
}

@inproceedings{nakkiran2021deep,
  author = {Nakkiran, Preetum and Neyshabur, Behnam and Sedghi, Hanie},
  title = {The Deep Bootstrap Framework: Good Online Learners are Good Offline Generalizers},
  booktitle = {International Conference on Learning Representations},
  year = {2021},
  note = {arXiv:2010.08127}
}`
      : "";
  return md`## Citation\n\n${codeBlock("bibtex", `${citationOf(facts)}${works}`)}`;
}

/** Text in a BibTeX value: no brace or backslash of it can end the value. */
function bibtexText(text: string): string {
  return plainText(text, 200).replaceAll(/[{}\\]/g, " ");
}
