import type { ResourceType } from "@trellis/resource";

import type { HookBinding } from "./hooks.ts";

/**
 * What a team ships: its types, their rules, and the controllers that make them true. A module's default export, made by
 * `defineDomain` in `@trellis/controller`.
 */
export interface Domain {
  readonly types: readonly ResourceType[];
  readonly hooks: readonly HookBinding[];
  /** Opaque here: the controller runtime knows their shape. */
  readonly controllers: readonly { readonly name: string }[];
}
