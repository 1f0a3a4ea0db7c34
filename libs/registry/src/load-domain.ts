import { existsSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { isAbsolute, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { type Clock, systemClock } from "@trellis/resource";

import type { Domain } from "./domain.ts";
import { explainImportFailure, messageOf } from "./import-failure.ts";

/** A domain that cannot be loaded: what was looked for, what was found, what to do. */
export class DomainError extends Error {
  override readonly name = "DomainError";

  /** Recognises the class across realms, where `instanceof` does not. */
  static is(error: unknown): error is DomainError {
    return (
      typeof error === "object" && error !== null && (error as { name?: unknown }).name === "DomainError"
    );
  }
}

/** How long a module may take to load, in milliseconds: with what it awaits at its top level. */
const LOAD_TIMEOUT_MS = 30_000;

/** The files that a folder without a package.json may begin with. */
const ENTRY_FILES = ["index.ts", "index.js", "index.mjs"];

/**
 * Loads the domain that a module's default export is. The specifier is a package name, or a path (`./acme`, `/srv/acme`) to a module or to a
 * folder with one; both are looked for from the folder `from`. Throws {@link DomainError}.
 */
export async function loadDomain(
  specifier: string,
  { from, clock = systemClock }: { readonly from: string; readonly clock?: Clock },
): Promise<Domain> {
  const file = isPath(specifier)
    ? findModule(resolve(from, specifier), specifier)
    : findPackage(specifier, from);
  let module: { readonly default?: unknown };
  try {
    module = (await inTime(import(pathToFileURL(file).href), clock)) as typeof module;
  } catch (cause) {
    if (cause === TOO_LATE)
      throw new DomainError(
        `domain ${specifier} did not load within ${LOAD_TIMEOUT_MS} ms: ${file}, or what it imports, awaits something at its top level that does not come; do that in init of a controller`,
      );
    throw new DomainError(`domain ${specifier} failed to load: ${explainImportFailure(cause, file)}`, {
      cause,
    });
  }
  const fault = faultOf(module.default);
  if (fault === undefined) return module.default as Domain;
  throw new DomainError(
    `domain ${specifier} (${file}): ${fault}; export default defineDomain({types: […]}) of @trellis/controller`,
  );
}

const TOO_LATE = Symbol("a module that takes too long to load");

/** Waits for a module; throws {@link TOO_LATE}. Without a timer the process would end without a word once nothing else goes on. */
async function inTime(loading: Promise<unknown>, clock: Clock): Promise<unknown> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const cancel = clock.after(LOAD_TIMEOUT_MS, () => reject(TOO_LATE), { keepAlive: true });
  try {
    return await Promise.race([loading, late]);
  } finally {
    cancel();
  }
}

function isPath(specifier: string): boolean {
  return specifier.startsWith(".") || isAbsolute(specifier);
}

function findModule(path: string, specifier: string): string {
  if (!existsSync(path))
    throw new DomainError(
      `domain ${specifier} does not exist: no file or folder ${path}; give a path or a package name`,
    );
  if (!statSync(path).isDirectory()) return path;
  const manifest = join(path, "package.json");
  const entry = existsSync(manifest) ? packageEntry(manifest, specifier) : undefined;
  const candidates = entry === undefined ? ENTRY_FILES : [entry];
  const found = candidates.map((name) => join(path, name)).find((candidate) => existsSync(candidate));
  if (found !== undefined) return found;
  throw new DomainError(`domain ${specifier} has no module: expected ${candidates.join(" or ")} in ${path}`);
}

/** What a folder's package.json says that it begins with. */
function packageEntry(manifest: string, specifier: string): string | undefined {
  let fields: { readonly main?: unknown; readonly exports?: unknown };
  try {
    fields = JSON.parse(readFileSync(manifest, "utf8")) as typeof fields;
  } catch (cause) {
    throw new DomainError(
      `domain ${specifier}: ${manifest} is not JSON: ${messageOf(cause).split("\n")[0]}`,
      { cause },
    );
  }
  const root =
    typeof fields.exports === "object" && fields.exports !== null
      ? (fields.exports as Record<string, unknown>)["."]
      : fields.exports;
  const entry = root ?? fields.main;
  return typeof entry === "string" ? entry : undefined;
}

function findPackage(specifier: string, from: string): string {
  try {
    return createRequire(join(from, "package.json")).resolve(specifier);
  } catch (cause) {
    throw new DomainError(
      `domain ${specifier} is not a package that ${from} can see: install it, or give a path that begins with ./ or /`,
      { cause },
    );
  }
}

function faultOf(value: unknown): string | undefined {
  if (value === undefined) return "it has no default export";
  if (typeof value !== "object" || value === null)
    return `its default export is a ${typeof value}, expected a domain`;
  const { types, hooks, controllers } = value as Partial<Record<keyof Domain, unknown>>;
  if (!Array.isArray(types) || !types.every(isType))
    return "its default export has no list of resource types";
  if (!Array.isArray(hooks) || !hooks.every((hook) => isType((hook as { type?: unknown } | null)?.type)))
    return "its hooks are not made by on(…)";
  if (!Array.isArray(controllers)) return "it has no list of controllers, which may be empty";
  const other = controllers.findIndex((one) => !isController(one));
  return other === -1 ? undefined : `its controllers[${other}] is not made by defineController(…)`;
}

function isController(value: unknown): boolean {
  const { name, reconcile } = (value ?? {}) as { readonly name?: unknown; readonly reconcile?: unknown };
  return typeof name === "string" && typeof reconcile === "function";
}

function isType(value: unknown): boolean {
  return (
    typeof value === "object" &&
    value !== null &&
    typeof (value as { gvk?: unknown }).gvk === "string" &&
    "schema" in value
  );
}
