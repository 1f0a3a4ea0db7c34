export type { ServerAddress, ServerStatus, StatusSource } from "./server-status.ts";
export type { OpenStorageLink, StorageLink } from "./storage-link.ts";
