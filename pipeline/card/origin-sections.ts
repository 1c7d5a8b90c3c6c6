import type { Config } from "../run/config.ts";
import { sizesOfManifest } from "../run/pinned-of-manifest.ts";
import { buildCommands, importCommand } from "./build-commands.ts";
import type { CardFacts, SetOrigin } from "./card-facts.ts";
import { code, codeBlock, type Markdown, md, table } from "./markdown.ts";
import type { ModelOrigin } from "./model-origin.ts";

/** How the set was made, as far as its manifest and its run say. */
export function originSection(facts: CardFacts): Markdown {
  const { manifest, origin } = facts;
  const title = md`## How it was made`;
  const program = [
    ["program", manifest.createdBy],
    ["configuration, sha256", code(manifest.configHash)],
  ] as const;
  if (origin.kind === "imported") {
    const { format, sourceSha256, resize } = origin.identity;
    const rows = [
      ...program,
      ["format of the source", format],
      ["source, sha256 of all labels and pixels", code(sourceSha256)],
      ["pictures were scaled to 32×32", resize ? "yes" : "no"],
    ] as const;
    return md`${title}\n\nIt was imported, not generated. Who made the images, and how, is not known here.\n\n${table(["what", "value"], rows)}\n\n${codeBlock("sh", importCommand(origin.identity))}`;
  }
  if (origin.kind === "written") {
    const names = Object.entries(manifest.models).map(([name, hash]) => [name, code(hash)] as const);
    return md`${title}\n\nThe manifest does not say how its images were made, or says it in a way that this program does not know.\n\n${table(["what", "value"], [...program, ...names])}`;
  }
  const { config, models } = origin;
  const rows = [...program, ...samplerRows(config, models.generator)];
  return md`${title}\n\n${table(["what", "value"], rows)}\n\n${modelsSection(manifest.models, origin)}\n\nThese commands make it again, in any folder:\n\n${codeBlock("sh", buildCommands(config, models, sizesOfManifest(manifest).slice(0, -1)).join("\n"))}`;
}

function samplerRows({ seed, sampler, engine, device, precision, unitSize }: Config, generator: ModelOrigin) {
  const { name, steps, schedule, conditional, guidance, guide, guidanceMin, guidanceMax } = sampler;
  const guided =
    guidance === 1
      ? unguided(name === "consistency", generator)
      : `${guidance}, away from ${guide === "weaker" ? "a weaker model" : "no class"}, at noise levels from ${guidanceMin} to ${guidanceMax}`;
  return [
    ["seed", String(seed)],
    ["sampler", `${name}, ${steps} steps, schedule ${schedule}`],
    ["class", conditional ? "asked for: the id’s remainder by the number of classes" : "none asked for"],
    ["guidance", guided],
    ["computed by", `${engine} on ${device}, ${precision}`],
    ["images of a shard, before removals", String(unitSize)],
  ] as const;
}

/** What the card says of a sampler without guidance. Consistency distillation builds its teacher's into the weights. */
function unguided(isConsistency: boolean, generator: ModelOrigin): string {
  if (!isConsistency) return "none";
  if (generator.kind === "shipped" && generator.isDefault) {
    return "none at sampling time; built into the weights (see the card of the generator)";
  }
  return "none at sampling time; tuning may have built it into the weights";
}

function modelsSection(
  hashes: Readonly<Record<string, string>>,
  { models }: SetOrigin & { readonly kind: "generated" },
): Markdown {
  const rows = Object.entries(hashes).map(([name, hash]) => [
    name,
    code(hash),
    name === "generator" || name === "labeler"
      ? describeOrigin(models[name])
      : "fingerprints of the images that copies are compared with",
  ]);
  const cards = (["generator", "labeler"] as const).map((name) => modelCard(name, models[name]));
  return md`### Models\n\n${table(["model", "sha256", "from"], rows)}${cards}`;
}

function describeOrigin(origin: ModelOrigin): string {
  if (origin.kind === "shipped") return `${origin.file} of cifar5m`;
  if (origin.kind === "trained") return "trained on CIFAR-10 train in the run of this set";
  return "a file from elsewhere, which is known by its hash only";
}

function modelCard(name: string, origin: ModelOrigin): Markdown {
  if (origin.kind === "given") return md``;
  if (origin.kind === "shipped") {
    return md`\n\nCard of the ${name}:\n\n${table(["what", "value"], origin.card)}`;
  }
  const options = Object.entries(origin.config[origin.section]).map(([key, value]) => [
    `${origin.section}.${key}`,
    [value].flat().map(String).join(", "),
  ]);
  return md`\n\nTraining of the ${name}:\n\n${table(["option", "value"], options)}`;
}

/** Under which terms the images may be used. */
export function licenseSection({ options, origin }: CardFacts): Markdown {
  const title = md`## License`;
  if (options.license !== undefined) {
    return md`${title}\n\n${options.creator ?? "The publisher"} publishes this set under ${code(options.license)}.`;
  }
  if (origin.kind !== "generated") {
    return md`${title}\n\nThe license of the source applies. This program does not know it.`;
  }
  const isShipped = origin.models.generator.kind === "shipped";
  return md`${title}\n\nWhoever published this set has named no license.${isShipped ? " The authors of cifar5m claim no rights in images that their models make." : ""} Whether generated images are protected at all differs by country. The generator’s training images may have terms of their own.`;
}
