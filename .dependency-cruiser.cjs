/** The floors of docs/architecture: a folder may import the floors below it, never its siblings or the floors above. */
const floors = [
  ["core"],
  ["engine", "storage"],
  ["networks", "shards", "pictures"],
  ["generator", "labeler"],
  ["pipeline", "experiments"],
  ["scripts", "bench"],
];

const forbidden = floors.flatMap((folders, floor) =>
  folders.map((folder) => ({
    name: `${folder}-imports-only-floors-below`,
    severity: "error",
    from: { path: `^${folder}/` },
    to: {
      path: `^(${floors.slice(floor).flat().join("|")})/`,
      pathNot: `^${folder}/`,
    },
  })),
);

module.exports = {
  forbidden: [
    ...forbidden,
    {
      name: "shards-imports-only-core-and-storage",
      comment: "The loader must be usable by a trainer that has no engine installed.",
      severity: "error",
      from: { path: "^(shards|storage)/" },
      to: { path: "^engine/" },
    },
    {
      name: "no-circular",
      comment:
        "In engine/ops the gradient of one operation is made of others, and theirs of it: only there a circle is natural.",
      severity: "error",
      from: { pathNot: "^engine/ops/" },
      to: { circular: true },
    },
    { name: "no-unresolvable", severity: "error", from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    // Packages such as vega-lite say only where to import them from, not where to require them from.
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "require", "node", "default"] },
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(dist|tests)/" },
  },
};
