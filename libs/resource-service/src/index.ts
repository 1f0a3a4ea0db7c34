export type { ResourceServiceConfig, ResourceServiceDeps, ServiceLog } from "./environment.ts";
export { createResourceService, type ResourceServicePart } from "./resource-service.ts";
export {
  defaultTenancyPolicy,
  type TenancyGuard,
  type TenancyPolicy,
  type TenancyState,
  type Units,
  type UnitState,
} from "./tenancy.ts";
