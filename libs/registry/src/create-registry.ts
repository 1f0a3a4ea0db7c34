import { createHash } from "node:crypto";

import { createMutableRegistry, type DescFile, type DescMessage } from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import { create } from "@bufbuild/protobuf";
import type { TypeName } from "@trellis/resource";

import type { Domain } from "./domain.ts";
import type { Hooks } from "./hooks.ts";
import type { Registration, Registry } from "./registry.ts";
import { commentOf } from "./schema-files.ts";

/** The group that only the system's own types may use. */
const SYSTEM_GROUP = "internal";
/** The package of the system's own types. */
const SYSTEM_PACKAGE = "trellis.resource";

/** Makes a registry with the types of the given domains. Throws as {@link Registry.register} does. */
export function createRegistry(domains: readonly Domain[] = []): Registry {
  const registrations = new Map<string, Registration>();
  const byKind = new Map<string, readonly Registration[]>();
  const owners = new Map<string, string>();
  const schemas = createMutableRegistry();
  let version: string | undefined;

  function register(domain: Domain): void {
    const bound = hooksByType(domain);
    const added: Registration[] = [];
    for (const type of domain.types) {
      if (registrations.has(type.gvk) || added.some((other) => other.type.gvk === type.gvk)) {
        throw new TypeError(
          `resource type ${type.gvk} already registered: it comes from two domains, or twice from one`,
        );
      }
      const prefix = packagePrefix(type.schema);
      const owner =
        owners.get(type.group) ??
        added.map(({ type: other }) => other).find(({ group }) => group === type.group)?.schema;
      const ownerPrefix = typeof owner === "object" ? packagePrefix(owner) : owner;
      if (ownerPrefix !== undefined && ownerPrefix !== prefix) {
        throw new TypeError(
          `group "${type.group}" belongs to package ${ownerPrefix}, ${type.schema.typeName} claims it too: choose another group for it`,
        );
      }
      if (type.group === SYSTEM_GROUP && prefix !== SYSTEM_PACKAGE) {
        throw new TypeError(
          `group "${SYSTEM_GROUP}" is the system's, ${type.schema.typeName} claims it: choose another group for it`,
        );
      }
      checkRules(type.schema);
      added.push({
        type,
        hooks: bound.get(type.gvk) ?? {},
        description: commentOf(type.schema),
        system: type.group === SYSTEM_GROUP,
      });
    }
    for (const registration of added) {
      registrations.set(registration.type.gvk, registration);
      byKind.set(registration.type.kind, [...(byKind.get(registration.type.kind) ?? []), registration]);
      owners.set(registration.type.group, packagePrefix(registration.type.schema));
      addFile(schemas, registration.type.schema.file);
    }
    version = undefined;
  }

  /** Looked up by the kind alone: a text made of all three would have to be made for each call. */
  function resolve({ group, groupVersion, kind }: TypeName): Registration | undefined {
    for (const registration of byKind.get(kind) ?? []) {
      const { type } = registration;
      if (type.group === group && type.groupVersion === groupVersion) return registration;
    }
    return undefined;
  }

  const registry: Registry = {
    resolve,
    resolveMessage: (name) => [...registrations.values()].find(({ type }) => type.schema.typeName === name),
    versionsOf: (group, kind) =>
      registry.types().filter(({ type }) => type.group === group && type.kind === kind),
    types: () => [...registrations.values()].toSorted((a, b) => (a.type.gvk < b.type.gvk ? -1 : 1)),
    register,
    schemas,
    version: () => (version ??= versionOf(registry.types())),
  };
  for (const domain of domains) register(domain);
  return registry;
}

function hooksByType(domain: Domain): ReadonlyMap<string, Hooks> {
  const bound = new Map<string, Hooks>();
  for (const { type, hooks } of domain.hooks) {
    if (bound.has(type.gvk))
      throw new TypeError(`${type.gvk} has hooks twice: put them into one on(${type.kind}, {…})`);
    if (!domain.types.some(({ gvk }) => gvk === type.gvk)) {
      throw new TypeError(`hooks for ${type.gvk}, which the domain does not bring: add it to its types`);
    }
    bound.set(type.gvk, hooks);
  }
  return bound;
}

/** The part of a message's package before the version: `acme.shop.v1` belongs to `acme.shop`. */
function packagePrefix(schema: DescMessage): string {
  return schema.file.proto.package.split(".").slice(0, -1).join(".");
}

/** A broken protovalidate rule is found when it first runs: better at start than at a customer's first write. */
function checkRules(schema: DescMessage): void {
  const { kind, error } = createValidator().validate(schema, create(schema));
  if (kind === "error") {
    throw new TypeError(`the protovalidate rules of ${schema.typeName} cannot be used: ${error.message}`, {
      cause: error,
    });
  }
}

function addFile(schemas: ReturnType<typeof createMutableRegistry>, file: DescFile): void {
  for (const message of file.messages) addMessage(schemas, message);
  for (const enumeration of file.enums) schemas.add(enumeration);
  for (const extension of file.extensions) schemas.add(extension);
  for (const dependency of file.dependencies) addFile(schemas, dependency);
}

function addMessage(schemas: ReturnType<typeof createMutableRegistry>, message: DescMessage): void {
  schemas.add(message);
  for (const nested of message.nestedMessages) addMessage(schemas, nested);
  for (const enumeration of message.nestedEnums) schemas.add(enumeration);
}

function versionOf(types: readonly Registration[]): string {
  const hash = createHash("sha256");
  for (const { type, system } of types) {
    hash.update(
      JSON.stringify([
        type.gvk,
        type.scope,
        type.shortNames,
        type.columns.map(({ header, path, wide }) => [header, path, wide]),
        system,
      ]),
    );
    hash.update(
      JSON.stringify(
        type.schema.file.proto.messageType.map(({ name, field }) => [
          name,
          field.map((one) => [one.name, one.number, one.type]),
        ]),
      ),
    );
  }
  return hash.digest("hex").slice(0, 16);
}
