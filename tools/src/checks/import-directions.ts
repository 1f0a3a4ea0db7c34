import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

/**
 * Which packages of the house each package's product code may import (DESIGN §2). Two columns that meet only in apps and tests:
 * the server column, and the SDK column that authors and clients are given. What is not listed is forbidden.
 */
export const allowedImports: Readonly<Record<string, readonly string[]>> = {
  protos: [],
  resource: ["protos"],
  // Server column.
  registry: ["resource", "protos"],
  authz: ["resource", "protos"],
  storage: ["resource", "protos"],
  "storage-memory": ["storage", "resource"],
  backends: ["storage", "storage-memory", "storage-raft", "routing", "protos", "resource"],
  raft: [],
  wal: [],
  // Of the resource model it has what is there for the wire: protobuf's bytes, and streams of messages.
  "raft-node": ["raft", "wal", "protos", "resource"],
  "storage-raft": ["raft-node", "storage", "storage-memory", "protos", "resource"],
  routing: ["storage", "protos", "resource"],
  "resource-service": ["registry", "authz", "storage", "resource", "protos"],
  // The resource service with the system's own types around it: what every gateway serves. It is written with the SDK, as any domain is.
  system: ["resource-service", "registry", "authz", "storage", "controller", "client", "resource", "protos"],
  server: ["resource", "protos"],
  // What the gateway's process and a storage node that serves have in common.
  gateway: ["system", "server", "registry", "authz", "storage", "resource"],
  // SDK column. A domain's hooks use registry's types, through controller.
  client: ["resource", "protos"],
  controller: ["client", "resource", "protos", "registry (types)"],
  catalog: ["controller", "client", "resource", "protos"],
  demo: ["controller", "client", "resource", "protos"],
};

/** Packages that tests may import besides what their package may: never product code, except in tools. */
const testPackages = new Set(["testing", "testkit"]);
/** May import both columns. */
const meetingPoints = new Set(["testing", "testkit"]);

/** One import that points the wrong way. */
export interface DirectionViolation {
  readonly file: string;
  readonly line: number;
  readonly description: string;
}

const IMPORT = /^(?:import|export)\s+(type\s+)?(?:[^"';]*?\sfrom\s+)?"([^"]+)"|import\(\s*"([^"]+)"\s*\)/gm;

/** The imports of a source text: specifier, line, and whether only types come over. */
export function importsOf(source: string): { specifier: string; line: number; typeOnly: boolean }[] {
  return [...source.matchAll(IMPORT)].map((match) => ({
    specifier: match[2] ?? match[3] ?? "",
    line: source.slice(0, match.index).split("\n").length,
    typeOnly: match[1] !== undefined,
  }));
}

/** Judges one file's imports. `packageDir` is `libs/x` or `apps/x`; `file` is relative to the root. */
export function directionViolations(packageDir: string, file: string, source: string): DirectionViolation[] {
  const isTest =
    /\.(spec|test)\.ts$/.test(file) || file.includes("/conformance/") || file.includes("/test-support/");
  return importsOf(source).flatMap(({ specifier, line, typeOnly }) => {
    const description = judge(packageDir, file, specifier, { isTest, typeOnly });
    return description === undefined ? [] : [{ file, line, description }];
  });
}

/** Why an import is not allowed; undefined when it is. */
function judge(
  packageDir: string,
  file: string,
  specifier: string,
  kind: { isTest: boolean; typeOnly: boolean },
): string | undefined {
  if (specifier.startsWith(".")) {
    const target = relative(".", join(file, "..", specifier));
    return target.startsWith(`${packageDir}/`)
      ? undefined
      : `reaches out of its package: import the package by name instead of "${specifier}"`;
  }
  const house = /^@trellis\/([^/]+)/.exec(specifier)?.[1];
  if (house === undefined) return undefined;
  const [column, folder] = packageDir.split("/");
  if (house.endsWith("-app")) return `imports an app: move the logic into a lib`;
  if (kind.isTest || column === "tools") return undefined;
  if (house === folder) return undefined;
  if (testPackages.has(house)) {
    return meetingPoints.has(folder ?? "") ? undefined : `@trellis/${house} is for tests and tools only`;
  }
  if (column === "apps" || meetingPoints.has(folder ?? "")) return undefined;
  const allowed = allowedImports[folder ?? ""];
  if (allowed === undefined)
    return `${packageDir} is not in the table of allowed imports: add it with its direction`;
  if (allowed.includes(house)) return undefined;
  if (allowed.includes(`${house} (types)`)) {
    return kind.typeOnly ? undefined : `may import only types from @trellis/${house}: use "import type"`;
  }
  return `may not import @trellis/${house}; allowed: ${allowed.join(", ") || "nothing of the house"}`;
}

/** All violations below a repository root. */
export function checkImportDirections(root: string): DirectionViolation[] {
  return ["libs", "apps"].flatMap((column) =>
    readdirSync(join(root, column), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .flatMap((entry) => checkPackage(root, `${column}/${entry.name}`)),
  );
}

function checkPackage(root: string, packageDir: string): DirectionViolation[] {
  return readdirSync(join(root, packageDir), { recursive: true, encoding: "utf8" })
    .filter(
      (file) => file.endsWith(".ts") && !file.includes("node_modules") && !/(^|\/)(gen|dist)\//.test(file),
    )
    .flatMap((file) => {
      const path = `${packageDir}/${file}`;
      return directionViolations(packageDir, path, readFileSync(join(root, path), "utf8"));
    });
}
