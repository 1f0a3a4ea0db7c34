export { BackendUrlError } from "./backend-url-error.ts";
export { type BackendDeps, type BackendEvent, openBackend, type OpenedBackend } from "./open-backend.ts";
export { openMember, type OwnNode } from "./open-cluster.ts";
