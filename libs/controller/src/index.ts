export type { Cache, Index, TenancyFilter } from "./cache.ts";
export {
  after,
  type ControllerDefinition,
  type ControllerLog,
  done,
  type ReconcileContext,
  type Request,
  type Result,
  retry,
  terminal,
  type WatchDefinition,
} from "./controller.ts";
export {
  type AnyController,
  defineController,
  defineDomain,
  type DomainInit,
  index,
  on,
  watch,
} from "./define.ts";
export type { MapInput, Mapper } from "./mapper.ts";
export { byIndex, byName, byOwner, requestOf } from "./mappers.ts";
