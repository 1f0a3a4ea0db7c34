import { setTimeout } from "node:timers/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import type { ResourceType } from "@trellis/client";
import { defineController, defineDomain } from "@trellis/controller";

import { repositoryRoot } from "./checkout.ts";

/** How long a run takes, in milliseconds; a greeting named `stuck` never ends. */
const RUN_MS = 1_500;
const example = pathToFileURL(join(repositoryRoot, "examples/hello-controller/index.ts")).href;
const { Greeting } = (await import(example)) as { readonly Greeting: ResourceType };

/** Takes its time for each greeting, and does not look at its signal. */
const slow = defineController({
  name: "slow",
  key: "example.dev/slow",
  type: Greeting,
  async reconcile({ resource, status, log }) {
    log.info({}, "a slow run begins");
    if (resource.id.name === "stuck") await new Promise(() => undefined);
    await setTimeout(RUN_MS);
    status.set("Slow", true, { message: "done slowly" });
    log.info({}, "a slow run ends");
  },
});

// oxlint-disable-next-line import/no-default-export -- a domain is its module's default export
export default defineDomain({ types: [Greeting], controllers: [slow] });
