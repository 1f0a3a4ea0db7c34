export { DEFAULT_LIMITS, type StoreLimits } from "./limits.ts";
export { createMemoryBackend, type MemoryBackend, type MemoryBackendDeps } from "./memory-backend.ts";
export { createStore, type ListRange, type Store } from "./store.ts";
