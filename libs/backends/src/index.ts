export { BackendUrlError } from "./backend-url-error.ts";
export { type BackendDeps, type BackendEvent, openBackend, type OpenedBackend } from "./open-backend.ts";
