import { readdirSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join } from "node:path";

import { importsOf } from "./import-directions.ts";

/**
 * Product code that imports what its package.json does not declare: it works in the checkout by hoisting, and breaks once installed
 * alone. Also what is declared and never imported, which misleads the project graph.
 */
export function checkDeclaredDependencies(root: string): string[] {
  return ["libs", "apps"].flatMap((column) =>
    readdirSync(join(root, column)).flatMap((folder) => checkPackage(root, `${column}/${folder}`)),
  );
}

function checkPackage(root: string, packageDir: string): string[] {
  const manifest = JSON.parse(readFileSync(join(root, packageDir, "package.json"), "utf8")) as {
    name: string;
    dependencies?: Record<string, string>;
  };
  const declared = new Set(Object.keys(manifest.dependencies ?? {}));
  const imported = importedPackages(join(root, packageDir));
  imported.delete(manifest.name);
  const missing = [...imported].filter((name) => !declared.has(name));
  // Apps load the domains that the start command names by package name, without an import.
  const unused = [...declared].filter(
    (name) => !imported.has(name) && !/^@trellis\/(catalog|demo)$/.test(name),
  );
  return [
    ...missing.map((name) => `${packageDir}/package.json does not declare ${name}, which its source imports`),
    ...unused.map((name) => `${packageDir}/package.json declares ${name}, which its source never imports`),
  ];
}

function importedPackages(directory: string): Set<string> {
  const files = readdirSync(directory, { recursive: true, encoding: "utf8" }).filter(
    (file) =>
      /^src\/.*\.ts$/.test(file) &&
      !/\.(spec|test)\.ts$/.test(file) &&
      !file.includes("/conformance/") &&
      !file.includes("/test-support/"),
  );
  const specifiers = files.flatMap((file) => importsOf(readFileSync(join(directory, file), "utf8")));
  return new Set(
    specifiers
      .map(({ specifier }) => specifier)
      .filter((specifier) => !specifier.startsWith(".") && !isBuiltin(specifier))
      .map((specifier) =>
        specifier
          .split("/")
          .slice(0, specifier.startsWith("@") ? 2 : 1)
          .join("/"),
      ),
  );
}
