/** The fields of a workspace's package.json that packing reads. */
export interface WorkspaceManifest {
  readonly name: string;
  readonly version: string;
  readonly description?: string;
  readonly license?: string;
  readonly type?: string;
  readonly engines?: Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** One entry of a published `exports`. */
export interface BuiltExport {
  readonly types: string;
  readonly default: string;
}

/**
 * The package.json to publish for a lib: its exports lead to the built files instead of the sources (Node runs no TypeScript below
 * node_modules, and npm ignores `publishConfig.exports`). Throws for an export that is no TypeScript source.
 */
export function publishedManifest(manifest: WorkspaceManifest): object {
  const { name, version, description, license, type, engines, dependencies } = manifest;
  const exports = Object.entries(manifest.exports ?? {}).map(
    ([path, source]) => [path, builtExport(source)] as const,
  );
  return {
    name,
    version,
    description,
    license,
    type,
    engines,
    exports: Object.fromEntries(exports),
    dependencies,
    sideEffects: false,
  };
}

function builtExport(source: string): BuiltExport {
  const stem = /^\.\/src\/(.*)\.ts$/.exec(source)?.[1];
  if (stem === undefined) throw new Error(`an export must be a .ts file below ./src, found ${source}`);
  return { types: `./dist/${stem}.d.ts`, default: `./dist/${stem}.js` };
}
