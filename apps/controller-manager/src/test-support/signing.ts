import { join } from "node:path";
import { pathToFileURL } from "node:url";

import type { ResourceType } from "@trellis/client";
import { after, defineController, defineDomain } from "@trellis/controller";
import { Condition_State } from "@trellis/protos/trellis/resource/v1/resource_pb";

import { repositoryRoot } from "./checkout.ts";

/** How often it signs, in milliseconds. */
const INTERVAL_MS = 20;
const example = pathToFileURL(join(repositoryRoot, "examples/hello-controller/index.ts")).href;
const { Greeting } = (await import(example)) as { readonly Greeting: ResourceType };
const identity = process.argv[process.argv.indexOf("--identity") + 1] ?? "";

let signatures = 0;
let signedAtMs = Number.NEGATIVE_INFINITY;

/** Writes its manager's name and a number onto each greeting again and again: so that it shows who wrote, and when nobody did. */
const signing = defineController({
  name: "signing",
  type: Greeting,
  async reconcile({ resource, client }) {
    const dueMs = signedAtMs + INTERVAL_MS - performance.now();
    // Its own writes wake it.
    if (dueMs > 0) return after(dueMs);
    signedAtMs = performance.now();
    signatures += 1;
    await client.writeStatus(Greeting, resource, {
      key: "example.dev/signed",
      observedGeneration: resource.generation,
      conditions: [{ type: "Signed", state: Condition_State.TRUE, message: `by ${identity} ${signatures}` }],
    });
    return after(INTERVAL_MS);
  },
});

// oxlint-disable-next-line import/no-default-export -- a domain is its module's default export
export default defineDomain({ types: [Greeting], controllers: [signing] });
