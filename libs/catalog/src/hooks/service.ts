import { on } from "@trellis/controller";
import { parseSelector, SelectorError } from "@trellis/resource";

import { Service } from "../types.ts";

/** The one rule that the proto cannot say: the filter of the selector can be read. */
export const serviceHooks = on(Service, {
  validate: ({ next }) => {
    try {
      parseSelector(next.data.workloads?.filter ?? "");
      return [];
    } catch (error) {
      if (!SelectorError.is(error)) throw error;
      return [{ field: "data.workloads.filter", description: error.message }];
    }
  },
});
