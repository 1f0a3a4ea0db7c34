export { type BackendDeps, BackendUrlError, openBackend } from "./open-backend.ts";
