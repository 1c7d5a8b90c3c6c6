/** Program and version, as receipts and manifests name them. A test holds it equal to package.json's. */
export const createdBy = "cifar5m 0.1.0";
