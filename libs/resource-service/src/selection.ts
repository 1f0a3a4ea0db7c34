import { type Selector, SelectorError, parseSelector } from "@trellis/resource";

import { violationsError } from "./service-error.ts";

/** Reads a request's selector. Throws InvalidArgument with the place where it goes wrong. */
export function readSelector(text: string): Selector {
  try {
    return parseSelector(text);
  } catch (error) {
    if (!SelectorError.is(error)) throw error;
    throw violationsError("INVALID_REQUEST", [{ field: "selector", description: error.message }]);
  }
}
