export type { Cache, Index, TenancyFilter } from "./cache.ts";
export type { Change, ChangeFilter } from "./change.ts";
export { changed } from "./changed.ts";
export type {
  AbsentContext,
  ChildInput,
  ChildSet,
  ConditionDetails,
  ConditionValue,
  InitContext,
  ReconcileContext,
  StartContext,
  StatusBuilder,
} from "./context.ts";
export {
  type ByReader,
  type ControllerDefinition,
  type ControllerPlacement,
  everyMember,
  type Request,
  sharded,
  type Transform,
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
  type WatchNarrowing,
} from "./define.ts";
export type { ControllerLog } from "./log.ts";
export { MANAGED_BY } from "./managed-by.ts";
export type { MapInput, Mapper } from "./mapper.ts";
export { byIndex, byName, byOwner, byReader, requestOf } from "./mappers.ts";
export { after, done, type Result, retry, terminal } from "./result.ts";
export { source, type SourceDefinition, type SourceInput, type SourceOpening } from "./source.ts";
