export { resourceType, type ResourceType, type TypedResource } from "@trellis/resource";
export type {
  CallOptions,
  Client,
  ConditionInput,
  ListOptions,
  ListQuery,
  ReadOptions,
  ResourceName,
  StatusInput,
  StorePosition,
  WatchItem,
  WatchOptions,
  WriteInput,
  WriteOptions,
  WriteResult,
} from "./client.ts";
export { statusOf } from "./convert.ts";
export { type ClientOptions, createClient } from "./create-client.ts";
export { withPreconditions } from "./with-preconditions.ts";
