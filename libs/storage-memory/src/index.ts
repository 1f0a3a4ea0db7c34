export { DEFAULT_LIMITS, type StoreLimits } from "./limits.ts";
export { createMemoryBackend, type MemoryBackend, type MemoryBackendDeps } from "./memory-backend.ts";
export type { Alike } from "./alike.ts";
export type { KeptRecord } from "./kept-record.ts";
export type { RecordTree } from "./record-tree.ts";
export { createServedStore, type ServedStore, type StoreFigures } from "./served-store.ts";
export { createStore, type Store, type StoreInit } from "./store.ts";
export { storedRecord } from "./stored-record.ts";
