import { type Resource, ResourceSchema } from "@trellis/protos/trellis/resource/v1/resource_pb";
import type { StoredRecord } from "@trellis/storage";

import type { Draft } from "./candidate.ts";
import { ENDING_KEYS } from "./deletion-rules.ts";
import { presentAs } from "./group-version.ts";
import { sameOwner } from "./owner.ts";
import { type Payload, TypedStored } from "./payload.ts";
import { resourceOf } from "./record.ts";
import type { Known } from "./when-known.ts";
import type { Writing } from "./writing.ts";

/** An update as its type is asked about it: what the caller sent, completed with what is stored, which may be at hand already. */
export function updateDraft(
  writing: Writing,
  stored: StoredRecord,
  existing = resourceOf(stored),
): Known<Draft> {
  const { registration } = writing.target;
  const draft = plainDraft(writing, stored, existing);
  return stored.groupVersion === registration.type.groupVersion ? draft : convertedDraft(draft, stored);
}

/** The same where what is stored was written in the version of the type that is asked for. */
function plainDraft(writing: Writing, stored: StoredRecord, existing: Resource): Draft {
  const { target, input, payload } = writing;
  const resource = updatedResource({ target, input, data: payload.any }, stored, existing);
  // Hooks get one of their own: what they might do to it is not done to what the update is judged by.
  const before = new TypedStored(target.registration.type, stored, undefined);
  return { writing, resource, payload, previous: existing, before };
}

/** What was sent of an updated resource. */
export interface SentParts extends Pick<Writing, "target"> {
  readonly input: Pick<Resource, "owner" | "version" | "metadata">;
  readonly data: Payload["any"];
}

/** An updated resource: what was sent, completed with what is stored. */
export function updatedResource(
  { target, input, data }: SentParts,
  { uid }: StoredRecord,
  existing: Resource,
): Resource {
  // What names the stored owner stands for it; what does not may still be completed by a mutate hook, so it is judged after that.
  const owner = sameOwner(input.owner, existing.owner, target.units) ? existing.owner : input.owner;
  // As `create` makes it, at a fraction of the cost.
  const resource: Resource = {
    $typeName: ResourceSchema.typeName,
    id: { ...target.id, uid },
    version: "",
    generation: "",
    metadata:
      input.version === "" ? withDeletionMetadata(input.metadata, existing.metadata) : { ...input.metadata },
    // Of its own: hooks may change it.
    status: { ...existing.status },
  };
  if (owner !== undefined) resource.owner = owner;
  if (data !== undefined) resource.data = data;
  return resource;
}

async function convertedDraft(draft: Draft, stored: StoredRecord): Promise<Draft> {
  const { registration } = draft.writing.target;
  const converted = await presentAs(registration, stored);
  if (converted === undefined) return draft;
  const before = new TypedStored(registration.type, stored, converted);
  return { ...draft, previous: converted, before };
}

/** Who writes without a version does not mean to take back a deletion, or a finalizer that it may not know of. */
function withDeletionMetadata(
  metadata: Readonly<Record<string, string>>,
  existing: Readonly<Record<string, string>>,
): Record<string, string> {
  const kept: Record<string, string> = { ...metadata };
  for (const key of ENDING_KEYS) {
    const value = existing[key];
    if (value !== undefined && !Object.hasOwn(metadata, key)) kept[key] = value;
  }
  return kept;
}
