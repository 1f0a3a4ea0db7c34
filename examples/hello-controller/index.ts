/** A domain of one's own: a type, a rule that its proto cannot say, and a controller that makes it true. */
import { resourceType } from "@trellis/client";
import { defineController, defineDomain, on } from "@trellis/controller";

import { GreetingSchema } from "./gen/hello/v1/greeting_pb.ts";

const words = new Map([
  ["", "Hello"],
  ["en", "Hello"],
  ["fr", "Bonjour"],
  ["sw", "Jambo"],
]);

export const Greeting = resourceType(GreetingSchema);

// Runs on every write, before it is stored; what it returns is shown to the writer.
const rules = on(Greeting, {
  validate: ({ next: { data } }) =>
    words.has(data.language)
      ? []
      : [{ field: "data.language", description: `must be en, fr or sw, found "${data.language}"` }],
});

// Runs whenever a greeting changes, and for every one at the start; what it says of the greeting is stored once it has returned.
const hello = defineController({
  name: "hello",
  key: "example.dev/hello", // Names its status and its finalizer.
  type: Greeting,
  async reconcile({ resource: { data }, status }) {
    status.set("Greeted", true, { message: `${words.get(data.language)}, ${data.to}!` });
  },
  // Runs when a greeting is to be deleted; it is gone once this has returned.
  async finalize({ resource: { data }, event }) {
    event("SaidGoodbye", `Goodbye, ${data.to}!`);
  },
});

export default defineDomain({ types: [Greeting], hooks: [rules], controllers: [hello] });
