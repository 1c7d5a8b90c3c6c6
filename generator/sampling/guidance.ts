import { Cifar5mError } from "../../core/errors.ts";
import type { Tensor } from "../../engine/graph/graph.ts";
import { type Denoiser, denoiserGuidedWhere, guidedDenoiser, withoutClass } from "../denoiser.ts";
import type { SamplerOptions } from "./options.ts";
import { guidanceAt } from "./sampler-options.ts";

/** How the calls of a sampler are guided. */
export interface Guidance {
  /** Whether calls at a noise level are guided; undefined if there is no guidance. */
  readonly isGuidedAt: ((sigma: number) => boolean) | undefined;
  /**
   * The denoiser of a call.
   * @param isGuided - whether the call is guided, a bool scalar; undefined if all calls are or none is
   */
  readonly denoiserOf: (isGuided: Tensor | undefined) => Denoiser;
}

/**
 * Chooses the guide that the options name.
 * @param weaker - a weaker model; required if it is the guide
 * @throws Cifar5mError `config/out-of-range` if there is no such guide
 */
export function resolveGuidance(
  options: Pick<SamplerOptions, "guidance" | "guidanceMin" | "guidanceMax" | "guide">,
  denoiser: Denoiser,
  weaker: Denoiser | undefined,
): Guidance {
  const { guidance } = options;
  if (guidance === 1) return { isGuidedAt: undefined, denoiserOf: () => denoiser };
  const guide = options.guide === "weaker" ? weaker : withoutClass(denoiser);
  if (guide === undefined) {
    throw new Cifar5mError(
      "config/out-of-range",
      "sampler.guide must be unconditional for this generator, whose file holds no weaker model, got weaker. Add one with --guide FILE.",
    );
  }
  return {
    isGuidedAt: guidanceAt(options),
    denoiserOf: (isGuided) =>
      isGuided === undefined
        ? guidedDenoiser(denoiser, guidance, guide)
        : denoiserGuidedWhere(isGuided, denoiser, guidance, guide),
  };
}
