/**
 * Gives the points of a chart the tooltips of browsers: a mark's description becomes its `<title>`, too. No script.
 * @param svg - of Vega, in which a described mark is `<path aria-label="…" …></path>`
 */
export function addTooltips(svg: string): string {
  return svg.replace(
    /<path aria-label="([^"]*)"([^>]*aria-roledescription="(?:point|circle)"[^>]*?)(?:\/>|><\/path>)/g,
    (_, label: string, others: string) => `<path aria-label="${label}"${others}><title>${label}</title></path>`,
  );
}
