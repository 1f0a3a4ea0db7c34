import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  Condition_State,
  type IDSchema,
  type Resource,
} from "@trellis/protos/trellis/resource/v1/resource_pb";
import { DeleteResponse_Outcome } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { finalizersOf, isMarkedForDeletion } from "@trellis/resource";

import { CliError } from "./errors.ts";
import { durationText } from "./output/age.ts";
import type { Report } from "./output/report.ts";
import type { Session } from "./session.ts";
import { explicitTenancy } from "./target.ts";
import type { KnownType } from "./types/known-type.ts";
import { waitUntil } from "./waiting/until.ts";
import type { Verdict } from "./waiting/verdict.ts";

/** One resource to delete. */
export interface Deletion {
  readonly type: KnownType;
  /** With the uid where only that incarnation is meant. */
  readonly id: MessageInitShape<typeof IDSchema>;
  /** How it is named in what is printed. */
  readonly label: string;
}

/** Deletes one resource and reports it; true when it is only marked, and goes with its last finalizer. */
export async function deleteResource(
  { connection, callOptions }: Session,
  { id, label }: Deletion,
  report: Report,
  { dryRun }: { readonly dryRun: boolean },
): Promise<boolean> {
  const { outcome } = await connection.client.resources.delete({ id, dryRun }, callOptions);
  const marked = outcome === DeleteResponse_Outcome.MARKED;
  if (marked) report.done(label, "marked", "it has finalizers, and goes with the last of them");
  else if (outcome === DeleteResponse_Outcome.ABSENT)
    report.done(label, "absent", "there was nothing to delete");
  else report.done(label, "deleted", dryRun ? "not yet: this is a dry run" : "");
  return marked;
}

/** What is still there when the time is over. */
export interface Leftover {
  readonly label: string;
  /** Why, in words. */
  readonly seen: string;
}

/** Waits until marked resources are gone, all together no longer than the timeout, and reports each that goes. */
export async function untilGone(
  session: Session,
  marked: readonly Deletion[],
  report: Report,
  timeoutMs: number,
): Promise<readonly Leftover[]> {
  const { clock } = session.environment;
  const startedMs = clock.monotonic();
  const leftovers: Leftover[] = [];
  for (const { type, id, label } of marked) {
    const { partition = "", namespace = "" } = id.tenancy ?? {};
    const tenancy = explicitTenancy(type, { partition, namespace });
    const watching = { type, tenancy, name: id.name, selector: "" };
    const leftMs = Math.max(0, timeoutMs - (clock.monotonic() - startedMs));
    const { met, seen } = await waitUntil(session, watching, { timeoutMs: leftMs, judge: goneVerdict });
    if (met) report.gone(label, `after ${durationText(clock.monotonic() - startedMs)}`);
    else leftovers.push({ label, seen });
  }
  return leftovers;
}

/** Says which resources are still there after a time, as written; nothing when there are none. */
export function leftoverError(leftovers: readonly Leftover[], timeout: string): CliError | undefined {
  const [first, ...others] = leftovers;
  if (first === undefined) return undefined;
  const more =
    others.length === 0 ? "" : `; ${others.length} more ${others.length === 1 ? "is" : "are"} left`;
  return new CliError(`${first.label}: after ${timeout}, ${first.seen}${more}`, {
    hint: "The deletion goes on all the same. Wait longer with --timeout.",
  });
}

/** A resource of the name that is not marked is another one, made since. */
function goneVerdict(resource: Resource | undefined): Verdict {
  if (resource === undefined || !isMarkedForDeletion(resource.metadata))
    return { met: true, seen: "it is gone" };
  const names = [...finalizersOf(resource.metadata)].join(", ");
  const why = Object.values(resource.status)
    .flatMap(({ conditions }) => conditions)
    .find(({ state, message }) => state === Condition_State.FALSE && message !== "");
  const explanation = why === undefined ? "" : ` (${why.message})`;
  return { met: false, seen: `it is still there, held by ${names}${explanation}` };
}
