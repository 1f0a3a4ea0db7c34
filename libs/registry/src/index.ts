export { createRegistry } from "./create-registry.ts";
export type { Domain } from "./domain.ts";
export type {
  HookBinding,
  HookCaller,
  HookDecision,
  HookInput,
  Hooks,
  Mutation,
  Verb,
  Violation,
} from "./hooks.ts";
export { DomainError, loadDomain } from "./load-domain.ts";
export { loadDomains } from "./load-domains.ts";
export type { Registration, Registry } from "./registry.ts";
export { commentOf, schemaFiles } from "./schema-files.ts";
