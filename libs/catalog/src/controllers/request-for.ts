import type { Request } from "@trellis/controller";
import type { TypedResource } from "@trellis/resource";

/** Asks for the reconcile of a managed resource with the name and tenancy of this one. */
export function requestFor({ id }: Pick<TypedResource, "id">): Request {
  return { partition: id.tenancy?.partition ?? "", namespace: id.tenancy?.namespace ?? "", name: id.name };
}
