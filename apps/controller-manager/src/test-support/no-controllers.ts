import { defineDomain } from "@trellis/controller";

/** A domain that has nothing to run. */
export default defineDomain({ types: [] });
