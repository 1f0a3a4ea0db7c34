import { create } from "@bufbuild/protobuf";
import { type Resource, ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import {
  type WriteResponse,
  WriteResponse_Outcome,
  WriteResponseSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { finalizersOf, isMarkedForDeletion, statusMapEquals } from "@trellis/resource";
import type { StoredRecord } from "@trellis/storage";

import { type Candidate, type Draft, judge } from "./candidate.ts";
import { checkDeletionRules, payloadEquals, sameMetadata, type UpdateKind } from "./deletion-rules.ts";
import type { Plan } from "./mutate.ts";
import { keepOwner } from "./owner.ts";
import { resourceOf } from "./record.ts";
import { planSpliced } from "./spliced-update.ts";
import { isMarkedTenancy, markedTenancy } from "./tenancy.ts";
import { guardOperations } from "./tenancy-guards.ts";
import { tombstoneOf } from "./tombstone.ts";
import { updateDraft } from "./update-draft.ts";
import { type Known, whenKnownWith } from "./when-known.ts";
import { planPut } from "./write-put.ts";
import { statusImmutable, type Writing } from "./writing.ts";

/** Plans an update, or a check when it asks for what is stored, or a deletion when it takes the last finalizer of a marked resource. */
export function planUpdate(writing: Writing, stored: StoredRecord): Known<Plan<WriteResponse>> {
  return planSpliced(writing, stored) ?? planDecoded(writing, stored);
}

/** The same by way of the resources that are stored and written, whatever there is about them. */
export function planDecoded(writing: Writing, stored: StoredRecord): Known<Plan<WriteResponse>> {
  const existing = resourceOf(stored);
  const drafting = updateDraft(writing, stored, existing);
  return whenKnownWith(drafting, { writing, stored, existing }, judgeUpdate);
}

/** What an update is about. */
interface Update {
  readonly writing: Writing;
  readonly stored: StoredRecord;
  readonly existing: Resource;
}

function judgeUpdate(draft: Draft, update: Update): Known<Plan<WriteResponse>> {
  return whenKnownWith(judge(draft), update, planJudged);
}

function planJudged(
  { draft, tenancy }: Candidate,
  { writing, stored, existing }: Update,
): Plan<WriteResponse> {
  const { target, input, path } = writing;
  const { resource } = draft;
  const owner = keepOwner(resource.owner, existing.owner, target, path);
  const next =
    owner === undefined || owner === resource.owner
      ? resource
      : create(ResourceSchema, { ...resource, owner });
  if (Object.keys(input.status).length > 0 && !statusMapEquals(input.status, existing.status))
    throw statusImmutable(path);
  if (isUnchanged(next, existing)) return unchanged(writing, stored, draft.previous ?? existing);
  const kind = checkDeletionRules(existing, next, path);
  if (kind === "ordinary" && isMarkedTenancy(tenancy))
    throw markedTenancy(target.units, "cannot write resource when tenancy marked for deletion", `${path}.id`);
  if (isMarkedForDeletion(next.metadata) && finalizersOf(next.metadata).size === 0)
    return remove(writing, next, stored);
  return planPut(writing, next, {
    stored,
    before: guardsOf(writing, kind),
    outcome: WriteResponse_Outcome.UPDATED,
  });
}

function guardsOf({ environment, target }: Writing, kind: UpdateKind) {
  return kind === "ordinary" ? guardOperations(environment, target.units) : [];
}

/** Whether a write asks for what is stored. The owner is the same already, and the status is not a write's to change. */
function isUnchanged(next: Resource, existing: Resource): boolean {
  return (
    next.id?.type?.groupVersion === existing.id?.type?.groupVersion &&
    sameMetadata(next, existing) &&
    payloadEquals(next, existing)
  );
}

/** The end of a marked resource that lost its last finalizer. */
function remove(
  { environment, view, target }: Writing,
  resource: Resource,
  { generation, version }: StoredRecord,
): Plan<WriteResponse> {
  view.plan(target.key, undefined);
  const preconditions = [{ kind: "version", version }] as const;
  return {
    operations: [
      { operation: { kind: "delete", key: target.key, preconditions } },
      ...tombstoneOf(environment, resource),
    ],
    answer: () =>
      create(WriteResponseSchema, {
        resource: { ...resource, generation, version: String(version) },
        outcome: WriteResponse_Outcome.DELETED,
      }),
  };
}

function unchanged({ view, target }: Writing, stored: StoredRecord, shown: Resource): Plan<WriteResponse> {
  view.plan(target.key, stored);
  const preconditions = [{ kind: "version", version: stored.version }] as const;
  return {
    operations: [{ operation: { kind: "check", key: target.key, preconditions } }],
    answer: () =>
      create(WriteResponseSchema, {
        resource: { ...shown, version: String(stored.version) },
        outcome: WriteResponse_Outcome.UNCHANGED,
      }),
  };
}
