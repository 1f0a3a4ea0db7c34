/** A domain of one's own: a type, a rule that its proto cannot say, and a controller that makes it true. */
import { resourceType } from "@trellis/client";
import { defineController, defineDomain, on } from "@trellis/controller";
import { Condition_State } from "@trellis/protos/trellis/resource/v1/resource_pb";

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

// Runs whenever a greeting changes, and for every one at the start.
const hello = defineController({
  name: "hello",
  type: Greeting,
  async reconcile({ resource: greeting, client, log }) {
    if (greeting === undefined) return; // Deleted.
    const message = `${words.get(greeting.data.language)}, ${greeting.data.to}!`;
    log.info({ name: greeting.id.name }, "greeted");
    await client.writeStatus(Greeting, greeting, {
      key: "example.dev/hello",
      observedGeneration: greeting.generation,
      conditions: [{ type: "Greeted", state: Condition_State.TRUE, message }],
    });
  },
});

export default defineDomain({ types: [Greeting], hooks: [rules], controllers: [hello] });
