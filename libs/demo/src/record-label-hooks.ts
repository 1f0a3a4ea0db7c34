import { on } from "@trellis/controller";

import { RecordLabel } from "./v1.ts";

/** Leaves every decision to the server's authorizer, but has it made with the resource at hand, as for every type with such a hook. */
export const recordLabelHooks = on(RecordLabel, { authorize: () => undefined });
