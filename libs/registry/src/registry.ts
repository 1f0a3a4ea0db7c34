import type { Registry as SchemaRegistry } from "@bufbuild/protobuf";
import type { ResourceType, TypeName } from "@trellis/resource";

import type { Domain } from "./domain.ts";
import type { Hooks } from "./hooks.ts";

/** A registered type. */
export interface Registration {
  readonly type: ResourceType;
  readonly hooks: Hooks;
  /** The comment of the payload message; empty when the descriptor image has none. */
  readonly description: string;
  /** Written by the system identity only. */
  readonly system: boolean;
}

/** The types that a server knows. Grows at run time; a registration never changes. */
export interface Registry {
  /** The registration of exactly that group, version and kind. */
  resolve(type: TypeName): Registration | undefined;
  /** The registration whose payload has that full message name. */
  resolveMessage(messageName: string): Registration | undefined;
  /** All versions of a group and kind. */
  versionsOf(group: string, kind: string): readonly Registration[];
  /** All registrations, ordered by group, version, kind. */
  types(): readonly Registration[];
  /** Adds the types and hooks of a domain. Throws for a type that breaks a rule, is registered already, or whose group belongs to another package prefix. */
  register(domain: Domain): void;
  /** Resolves payload messages for JSON; grows as types are registered. The same object for the life of the registry. */
  readonly schemas: SchemaRegistry;
  /** Changes when a type is registered. */
  version(): string;
}
