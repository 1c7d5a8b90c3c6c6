/** The layers of docs/architecture.md: a folder may import lower layers, never its siblings or higher layers. */
const layers = [
  ["core"],
  ["engine", "storage"],
  ["networks", "shards", "pictures"],
  ["generator", "labeler"],
  ["pipeline", "experiments"],
  ["scripts", "bench"],
];

/** Closed modules: each may import core, storage and the modules named here. */
const modules = {
  "engine/graph": [],
  "engine/onnx": ["engine/graph"],
  "engine/ops": ["engine/graph", "engine/onnx"],
  "engine/composites": ["engine/graph", "engine/ops"],
  "engine/parameters": ["engine/graph", "engine/ops"],
  "engine/rewrite": ["engine/graph", "engine/ops", "engine/composites"],
  "shards/arrow": [],
  "shards/order": [],
  "shards/format": ["shards/arrow"],
  "shards/rows": ["shards/arrow", "shards/format"],
  "shards/verify": ["shards/arrow", "shards/format", "shards/remote"],
  "shards/publish": ["shards/format", "shards/remote"],
  "generator/sampling/samplers": [],
};

const closedModules = Object.entries(modules).map(([module, open]) => ({
  name: `${module.replaceAll("/", "-")}-imports-only-named-modules`,
  severity: "error",
  from: { path: `^${module}/` },
  to: { path: `^${module.split("/")[0]}/`, pathNot: `^(${[module, ...open].join("|")})/` },
}));

const closedLayers = layers.flatMap((folders, layer) =>
  folders.map((folder) => ({
    name: `${folder}-imports-only-lower-layers`,
    severity: "error",
    from: { path: `^${folder}/` },
    to: {
      path: `^(${layers.slice(layer).flat().join("|")})/`,
      pathNot: `^${folder}/`,
    },
  })),
);

module.exports = {
  forbidden: [
    ...closedLayers,
    ...closedModules,
    {
      name: "shards-imports-only-core-and-storage",
      comment: "The loader must be usable by a trainer that has no engine installed.",
      severity: "error",
      from: { path: "^shards/" },
      to: { path: "^engine/" },
    },
    {
      name: "page-imports-only-what-browsers-run",
      comment: "Types of the server may be imported; its modules may not.",
      severity: "error",
      from: { path: "^pipeline/serve/client/" },
      to: {
        path: "^(engine|networks|pictures|generator|labeler|pipeline|experiments|scripts|bench)/",
        pathNot: "^pipeline/serve/(client/|row-columns)",
        dependencyTypesNot: ["type-only"],
      },
    },
    { name: "no-circular", severity: "error", from: {}, to: { circular: true } },
    { name: "no-unresolvable", severity: "error", from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    // Packages such as vega-lite say only where to import them from, not where to require them from.
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "require", "node", "default"] },
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(dist|tests|core/normals/assembly|pipeline/audit/pixels/assembly)/" },
  },
};
