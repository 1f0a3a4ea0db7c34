export { DEFAULT_LIMITS, type StoreLimits } from "./limits.ts";
export { createMemoryBackend } from "./memory-backend.ts";
export { createServedStore, type ServedStore } from "./served-store.ts";
export { createStore, type Store, type StoreInit } from "./store.ts";
