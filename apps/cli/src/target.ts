import { Scope } from "@trellis/protos/trellis/resource/v1/annotations_pb";
import {
  DEFAULT_NAMESPACE,
  DEFAULT_PARTITION,
  parseSelector,
  SelectorError,
  type TenancyUnits,
} from "@trellis/resource";

import { usageError } from "./errors.ts";
import type { KnownType } from "./types/known-type.ts";
import type { TypeCatalog } from "./types/type-catalog.ts";

/** What a command is about: a type, or one resource of it. */
export interface Target {
  readonly type: KnownType;
  readonly name: string | undefined;
}

/** The options that say where names live. */
export interface TenancyOptions {
  readonly namespace?: string | undefined;
  readonly partition?: string | undefined;
  readonly allNamespaces?: boolean | undefined;
}

/** Reads `KIND`, `KIND NAME` or `KIND/NAME`. Throws a usage error. */
export function parseTarget(catalog: TypeCatalog, kind: string, name: string | undefined): Target {
  if (kind.includes(",")) throw usageError(`"${kind}" is a list of types`, "Name one type at a time.");
  const slash = kind.indexOf("/");
  if (slash < 0) return { type: catalog.resolve(kind), name: name === undefined ? undefined : oneName(name) };
  if (name !== undefined)
    throw usageError(
      `"${kind}" has a name already, and "${name}" is another`,
      "Give one: KIND NAME or KIND/NAME.",
    );
  return { type: catalog.resolve(kind.slice(0, slash)), name: oneName(kind.slice(slash + 1)) };
}

/** Reads a target that must have a name. Throws a usage error. */
export function parseNamedTarget(
  catalog: TypeCatalog,
  kind: string,
  name: string | undefined,
): Target & { readonly name: string } {
  const target = parseTarget(catalog, kind, name);
  if (target.name === undefined)
    throw usageError(`"${kind}" names a type and no resource of it`, `Give a name: ${kind}/NAME.`);
  return { type: target.type, name: target.name };
}

/** The tenancy of one resource; blank units are the server's to fill. Throws when all namespaces are asked for. */
export function tenancyOfName({ scope }: KnownType, options: TenancyOptions): TenancyUnits {
  if (options.allNamespaces === true)
    throw usageError(
      "-A lists every namespace, and a name is in one",
      "Give the namespace with -n, or leave out the name.",
    );
  return unitsFor(scope, options.partition ?? "", options.namespace ?? "");
}

/** The tenancy of a list; `*` spans all. */
export function tenancyOfList({ scope }: KnownType, options: TenancyOptions): TenancyUnits {
  // What has no scope lies wherever it was put, and no tenancy stands for a blank one.
  const blank = scope === Scope.UNDEFINED ? "*" : "";
  if (options.allNamespaces !== true)
    return unitsFor(scope, options.partition ?? blank, options.namespace ?? blank);
  if (options.namespace !== undefined)
    throw usageError("-A lists every namespace, and -n names one", "Give one of the two.");
  return unitsFor(scope, options.partition ?? "*", "*");
}

/** The same for a watch, where blank units would mean everything. */
export function explicitTenancy({ scope }: KnownType, { partition, namespace }: TenancyUnits): TenancyUnits {
  return unitsFor(scope, partition || DEFAULT_PARTITION, namespace || DEFAULT_NAMESPACE);
}

/** Where was looked, as the end of a sentence. */
export function whereText(
  { scope }: KnownType,
  { allNamespaces, namespace, partition }: TenancyOptions,
): string {
  if (scope === Scope.CLUSTER) return "";
  const inPartition = partition === undefined ? "" : ` in partition ${partition}`;
  if (scope !== Scope.NAMESPACE || allNamespaces === true) return inPartition;
  return ` in namespace ${namespace ?? DEFAULT_NAMESPACE}${inPartition === "" ? "" : ` of${inPartition.slice(3)}`}`;
}

/** Reads `--selector` before it is sent, since the place of a mistake is best shown here. Throws a usage error. */
export function checkedSelector(text: string | undefined): string {
  try {
    parseSelector(text ?? "");
    return text ?? "";
  } catch (error) {
    if (!SelectorError.is(error)) throw error;
    throw usageError(
      `--selector "${text}": ${error.message}`,
      "Terms on metadata, as in a=b,c!=d,e in (x,y),f,!g.",
    );
  }
}

function unitsFor(scope: Scope, partition: string, namespace: string): TenancyUnits {
  return {
    partition: scope === Scope.CLUSTER ? "" : partition,
    namespace: scope === Scope.NAMESPACE || scope === Scope.UNDEFINED ? namespace : "",
  };
}

function oneName(name: string): string {
  if (name.includes(","))
    throw usageError(`"${name}" is a list of names`, "Give one name, or list with --selector.");
  if (name === "") throw usageError("the name after the / is missing", "Give KIND/NAME.");
  return name;
}
