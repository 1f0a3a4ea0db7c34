/** What is published, and from where. */
export interface PublishedPackage {
  /** The folder in the repository. */
  readonly folder: string;
  /** The name on the registry. */
  readonly name: string;
}

/**
 * The SDK and what it stands on. A package of its own for each lib: whoever installs two of them gets one copy of what they share.
 */
export const publishedLibs: readonly PublishedPackage[] = [
  "authz",
  "client",
  "controller",
  "protos",
  "registry",
  "resource",
  "resource-service",
  "storage",
  "storage-memory",
  "system",
  "testing",
].map((lib) => ({ folder: `libs/${lib}`, name: `@trellis/${lib}` }));

/** The command line: one file with everything inside, so that installing it installs nothing else. */
export const publishedCli: PublishedPackage = { folder: "apps/cli", name: "@trellis/cli" };
