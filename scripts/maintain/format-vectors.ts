/** Sections of vectors as JSON, one vector a line. */
export function formatVectors(sections: Readonly<Record<string, readonly unknown[]>>): string {
  const texts = Object.entries(sections).map(([name, vectors]) => {
    const lines = vectors.map((vector) => `    ${JSON.stringify(vector)}`);
    return `  "${name}": [\n${lines.join(",\n")}\n  ]`;
  });
  return `{\n${texts.join(",\n")}\n}\n`;
}
