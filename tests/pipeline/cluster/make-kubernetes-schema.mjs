/**
 * Makes kubernetes-schema.json, a strict JSON schema of Job and JobSet, from the definitions that Kubernetes and JobSet
 * publish: no key that they do not know, all keys that they require. Keys of a pod that our manifests do not use are
 * left out, so a manifest with one would be refused too.
 *
 *     go mod download k8s.io/kubernetes@v1.36.3 sigs.k8s.io/jobset@v0.10.1
 *     node make-kubernetes-schema.mjs \
 *       $(go env GOMODCACHE)/k8s.io/kubernetes@v1.36.3/api/openapi-spec/swagger.json \
 *       $(go env GOMODCACHE)/sigs.k8s.io/jobset@v0.10.1/config/components/crd/bases/jobset.x-k8s.io_jobsets.yaml
 */

import { readFileSync, writeFileSync } from "node:fs";
import { parse } from "yaml";

const [, , swaggerPath, jobSetPath] = process.argv;
const { definitions } = JSON.parse(readFileSync(swaggerPath, "utf8"));
const crd = parse(readFileSync(jobSetPath, "utf8"));

/** Keys of large definitions that are kept. */
const kept = {
  "io.k8s.api.core.v1.PodSpec": [
    ...["restartPolicy", "terminationGracePeriodSeconds", "containers", "volumes", "nodeSelector", "tolerations"],
  ],
  "io.k8s.api.core.v1.Volume": ["name", "persistentVolumeClaim"],
  "io.k8s.api.core.v1.Container": [
    ...["name", "image", "command", "args", "workingDir", "env", "envFrom", "resources", "volumeMounts"],
  ],
};
const unused = /^(x-.*|description|default|format|example)$/;
const used = new Map();

function strict(schema) {
  if (Array.isArray(schema)) return schema.map(strict);
  if (typeof schema !== "object" || schema === null) return schema;
  const copy = {};
  for (const [key, value] of Object.entries(schema)) {
    if (key === "properties") {
      copy.properties = Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, strict(inner)]));
    } else if (key === "$ref") copy.$ref = refer(value.replace("#/definitions/", ""));
    else if (!unused.test(key)) copy[key] = strict(value);
  }
  if (copy.properties !== undefined && copy.additionalProperties === undefined) copy.additionalProperties = false;
  return copy;
}

function refer(name) {
  if (!used.has(name)) {
    used.set(name, {});
    const { properties, ...others } = definitions[name];
    const names = kept[name] ?? Object.keys(properties ?? {});
    const some = properties && Object.fromEntries(names.map((key) => [key, properties[key]]));
    used.set(name, strict(some === undefined ? others : { ...others, properties: some }));
  }
  return `#/$defs/${name}`;
}

refer("io.k8s.api.batch.v1.Job");
const metadata = { $ref: refer("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta") };
const jobSet = crd.spec.versions.find(({ name }) => name === "v1alpha2").schema.openAPIV3Schema;
const { replicatedJobs } = jobSet.properties.spec.properties;
replicatedJobs.items.properties.template = {
  type: "object",
  properties: { metadata: {}, spec: {} },
  required: ["spec"],
};
const strictJobSet = strict({ ...jobSet, properties: { ...jobSet.properties, status: undefined } });
delete strictJobSet.properties.status;
strictJobSet.properties.metadata = metadata;
const { template } = strictJobSet.properties.spec.properties.replicatedJobs.items.properties;
template.properties = { metadata, spec: { $ref: refer("io.k8s.api.batch.v1.JobSpec") } };
used.set("JobSet", strictJobSet);

const sources = ["k8s.io/kubernetes@v1.36.3 api/openapi-spec/swagger.json", "sigs.k8s.io/jobset@v0.10.1 CRD v1alpha2"];
const schema = {
  $comment: `Made by make-kubernetes-schema.mjs from ${sources.join(" and ")}, both Apache-2.0.`,
  $schema: "https://json-schema.org/draft/2020-12/schema",
  $defs: Object.fromEntries([...used].sort(([a], [b]) => (a < b ? -1 : 1))),
};
writeFileSync(new URL("kubernetes-schema.json", import.meta.url), `${JSON.stringify(schema)}\n`);
