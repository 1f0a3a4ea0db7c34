export {
  type BackendDeps,
  type BackendEvent,
  BackendUrlError,
  openBackend,
  type OpenedBackend,
} from "./open-backend.ts";
