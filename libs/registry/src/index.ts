export type { Domain } from "./domain.ts";
export type { HookBinding, HookCaller, HookDecision, HookInput, Hooks, Mutation, Verb, Violation } from "./hooks.ts";
export type { Registration, Registry } from "./registry.ts";
