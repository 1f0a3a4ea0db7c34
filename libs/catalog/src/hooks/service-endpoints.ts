import { on } from "@trellis/controller";

import { Service, ServiceEndpoints } from "../types.ts";
import { completeOwner, idBeside, ownerViolations } from "./owner.ts";

/** Endpoints belong to the service of their name, so that they go when it goes; who writes them need not say so. */
export const serviceEndpointsHooks = on(ServiceEndpoints, {
  mutate: ({ next }) =>
    next.owner === undefined
      ? { owner: idBeside(next, Service, next.id.name) }
      : completeOwner(next, Service),
  validate: ({ next }) => ownerViolations(next, Service, next.id.name),
});
