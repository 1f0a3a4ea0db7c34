import type { ResourceType } from "@trellis/resource";

import type { ControllerLog } from "../log.ts";
import type { ControllerRuntime } from "./controller-runtime.ts";
import { controllersPage } from "./controllers-page.ts";
import { cycleText, dependencyCycles } from "./dependency-cycles.ts";
import { dependencyGraph, toMermaid } from "./dependency-graph.ts";
import { eventsPage } from "./events-page.ts";
import { jsonAnswer, type PageRoute, pageRoute, textAnswer } from "./page-route.ts";

/** What the part tells of. */
export interface ManagerPartOptions {
  /** All of the process. */
  readonly runtimes: readonly ControllerRuntime[];
  /** Types that the graph shows besides those that controllers manage, watch or own. */
  readonly types?: readonly ResourceType[] | undefined;
  readonly log: ControllerLog;
}

/** A part of a process, in the shape that servers take. */
export interface ManagerPart {
  readonly name: string;
  readonly routes: { readonly http: readonly PageRoute[] };
  start(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * What people ask a process with controllers, as a part of it: `/controllers` (how each is doing), `/graph` (which types are made out of which, as a Mermaid
 * flowchart, or with `?format=json`), `/events` (what controllers told of resources, all or with `?resource=` of one). Warns at its start of types that depend on
 * each other.
 */
export function createManagerPart({ runtimes, types = [], log }: ManagerPartOptions): ManagerPart {
  const graph = dependencyGraph(
    runtimes.flatMap(({ definitions }) => definitions),
    types,
  );
  const cycles = dependencyCycles(graph);
  return {
    name: "manager",
    routes: {
      http: [
        pageRoute("/controllers", () => jsonAnswer({ controllers: runtimes.flatMap(controllersPage) })),
        pageRoute(
          "/graph",
          ({ format = "mermaid" }) =>
            format === "json" ? jsonAnswer({ ...graph, cycles }) : textAnswer(toMermaid(graph)),
          { format: ["mermaid", "json"] },
        ),
        pageRoute("/events", ({ resource }) => jsonAnswer({ events: eventsPage(runtimes, resource) }), {
          resource: "any",
        }),
      ],
    },
    async start() {
      for (const cycle of cycles) log.warn({ types: cycle.types }, cycleText(cycle));
    },
    stop: async () => undefined,
  };
}
