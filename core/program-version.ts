/** Program and version, as receipts and manifests store them. A test checks that the version matches package.json. */
export const programVersion = "cifar5m 0.2.0";
