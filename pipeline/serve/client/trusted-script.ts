/** What scripts of this page and of its worker are loaded by: the page's policy asks for trusted URLs. */
interface TrustedTypePolicies {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): string };
}

const { trustedTypes } = globalThis as { readonly trustedTypes?: TrustedTypePolicies };

/** A function that gives the URL of one script, trusted where browsers ask for that. To be called once. */
export function trustedScript(url: string): () => string {
  const policy = trustedTypes?.createPolicy("cifar5m-worker", { createScriptURL: () => url });
  return () => policy?.createScriptURL(url) ?? url;
}
