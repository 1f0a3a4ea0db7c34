import type { Request } from "../controller.ts";
import type { ControllerRuntime } from "./controller-runtime.ts";
import type { ResourceEvent } from "./event-log.ts";

/** What controllers told of a resource, for people and for programs. */
export interface EventEntry {
  readonly controller: string;
  /** `group.version.Kind`. */
  readonly type: string;
  /** `partition/namespace/name`, as far as the type's scope has them. */
  readonly resource: string;
  readonly reason: string;
  readonly message: string;
  /** How often it was told, and when for the first and the last time (RFC 3339). */
  readonly count: number;
  readonly first: string;
  readonly last: string;
}

/**
 * What the controllers of all runtimes told, the last first: of all resources, or of those that `resource` names. That is a name, and before it, with slashes
 * between, whatever is to be said of it more: its kind or type in any case, its partition, its namespace.
 */
export function eventsPage(
  runtimes: readonly ControllerRuntime[],
  resource: string | undefined,
): readonly EventEntry[] {
  return runtimes
    .flatMap((runtime) => runtime.events())
    .filter((event) => resource === undefined || isMeant(event, resource))
    .sort((a, b) => b.lastMs - a.lastMs)
    .map(({ controller, type, request, reason, message, count, firstMs, lastMs }) => {
      const [first, last] = [isoTime(firstMs), isoTime(lastMs)];
      return { controller, type, resource: resourceText(request), reason, message, count, first, last };
    });
}

/** A request as a text, without the parts that its type's scope does not have. */
export function resourceText({ partition, namespace, name }: Request): string {
  return [partition, namespace, name].filter((part) => part !== "").join("/");
}

function isMeant({ type, request }: ResourceEvent, resource: string): boolean {
  const parts = resource.split("/");
  const name = parts.pop();
  const said = [type, type.slice(type.lastIndexOf(".") + 1)].map((text) => text.toLowerCase());
  return (
    name === request.name &&
    parts.every(
      (part) => said.includes(part.toLowerCase()) || part === request.partition || part === request.namespace,
    )
  );
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
