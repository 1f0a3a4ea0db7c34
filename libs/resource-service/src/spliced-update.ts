import type { ID, Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";
import {
  WriteResponse_Outcome,
  type WriteResponse,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { afterLength, Fields, isText, lengthAt } from "@trellis/resource/node";
import type { RecordInit, StoredRecord } from "@trellis/storage";

import type { Unmade } from "./access.ts";
import { type Candidate, type Draft, judgeMutated } from "./candidate.ts";
import { readId } from "./decode-request.ts";
import { dataEquals, ENDING_KEYS, hasEnding } from "./deletion-rules.ts";
import { encodeSpliced, type EncodedPart } from "./encode-resource.ts";
import type { Plan } from "./mutate.ts";
import { sameOwner } from "./owner.ts";
import { TypedStored } from "./payload.ts";
import { checkSize, ownerRefOf, resourceOf } from "./record.ts";
import { isMarkedTenancy, markedTenancy } from "./tenancy.ts";
import { guardOperations } from "./tenancy-guards.ts";
import { type SentParts, updatedResource } from "./update-draft.ts";
import { type Known, whenKnownWith } from "./when-known.ts";
import { dataIn, FIRST_TAG, RESOURCE_TAG, SECOND_TAG } from "./wire-scan.ts";
import { planRecord } from "./write-put.ts";
import type { Writing } from "./writing.ts";

/**
 * Plans an update of what was sent and of the bytes that are stored, which is most of them: neither the resource that is stored nor the one that comes of it is made, but for who has a say and looks at it. What
 * it leads to is what `planUpdate` leads to by way of these. Undefined for an update that is out of the ordinary: of a type that changes what is written, with a status in the request, a mark or finalizers, that names another owner than the stored one, stored in another
 * version of its group, or one whose payload is what is stored.
 */
export function planSpliced(writing: Writing, stored: StoredRecord): Known<Plan<WriteResponse>> | undefined {
  const kept = isPlain(writing, stored) ? keptOf(writing, stored.bytes) : undefined;
  if (kept === undefined) return undefined;
  const judging = judgeMutated(new UnmadeDraft(writing, stored));
  const { metadata: sent } = writing.input;
  // A copy, where others may do something with the request meanwhile.
  const metadata = judging instanceof Promise ? { ...sent } : sent;
  return whenKnownWith(judging, { writing, stored, metadata, kept }, planJudged);
}

/** What is spliced: what was sent, and what of the stored bytes is kept. */
interface Splice {
  readonly writing: Writing;
  readonly stored: StoredRecord;
  readonly metadata: Resource["metadata"];
  readonly kept: Kept;
}

/** What of the stored bytes an update keeps. */
interface Kept {
  owner: EncodedPart;
  ownerId: ID | undefined;
  /** All statuses. */
  status: EncodedPart;
}

/** Whether nothing that is known without a look at the bytes is out of the ordinary. */
function isPlain({ target, input, payload }: Writing, stored: StoredRecord): boolean {
  const { type, hooks } = target.registration;
  return (
    hooks.mutate === undefined &&
    stored.groupVersion === type.groupVersion &&
    payload.sent !== undefined &&
    isEmpty(input.status) &&
    !hasEnding(input.metadata)
  );
}

function isEmpty(map: Readonly<Record<string, unknown>>): boolean {
  for (const _ in map) return false;
  return true;
}

/** What is kept of stored bytes; undefined for bytes that have anything else than they usually have, or the payload that was sent. */
function keptOf({ input, payload, target }: Writing, bytes: Uint8Array): Kept | undefined {
  const nothing: EncodedPart = { bytes, start: 0, end: 0 };
  const kept: Kept = { owner: nothing, ownerId: undefined, status: nothing };
  const fields = new Fields(bytes, 0, bytes.length);
  let last = 0;
  let hasOtherData = false;
  for (let from = 0; fields.next(); from = fields.end) {
    const { tag, start, end } = fields;
    if (tag < last || (fields.isRepeated && tag !== RESOURCE_TAG.metadata && tag !== RESOURCE_TAG.status))
      return undefined;
    last = tag;
    switch (tag) {
      case RESOURCE_TAG.id:
      case RESOURCE_TAG.generation:
        break;
      case RESOURCE_TAG.owner:
        kept.owner = { bytes, start: from, end };
        kept.ownerId = readId(bytes, start, end);
        if (!sameOwner(input.owner, kept.ownerId, target.units)) return undefined;
        break;
      case RESOURCE_TAG.metadata:
        if (isEnding(fields)) return undefined;
        break;
      case RESOURCE_TAG.status:
        kept.status = { bytes, start: kept.status === nothing ? from : kept.status.start, end };
        break;
      case RESOURCE_TAG.data: {
        const data = dataIn(bytes, start, end);
        hasOtherData = data !== undefined && payload.sent !== undefined && !dataEquals(data, payload.sent);
        break;
      }
      default:
        return undefined;
    }
  }
  const keepsOwner = (input.owner === undefined) === (kept.ownerId === undefined);
  return fields.isBroken || !hasOtherData || !keepsOwner ? undefined : kept;
}

/** Whether an entry of the metadata is about an end, or is not a key with a value behind it, and nothing else. */
function isEnding({ bytes, start, end }: Fields): boolean {
  const key = afterLength(bytes, start + 1);
  const keyEnd = key + lengthAt(bytes, start + 1);
  if (bytes[start] !== FIRST_TAG || !(keyEnd < end) || bytes[keyEnd] !== SECOND_TAG) return true;
  if (afterLength(bytes, keyEnd + 1) + lengthAt(bytes, keyEnd + 1) !== end) return true;
  return ENDING_KEYS.some((text) => isText(bytes, key, keyEnd, text));
}

/** An updated resource that is made for who looks at it, of what may be kept. */
class UnmadeUpdate implements Unmade {
  readonly #sent: SentParts;
  readonly #stored: StoredRecord;
  #made: Resource | undefined;

  constructor({ target, input, payload }: Writing, stored: StoredRecord) {
    const { owner, version, metadata } = input;
    this.#sent = {
      target,
      input: { version, metadata, ...(owner === undefined ? {} : { owner }) },
      data: payload.any,
    };
    this.#stored = stored;
  }

  get id(): ID {
    return this.#sent.target.id;
  }

  get resource(): Resource {
    return (this.#made ??= updatedResource(this.#sent, this.#stored, resourceOf(this.#stored)));
  }
}

/** A draft whose resource is made for who looks at it. */
class UnmadeDraft implements Draft {
  readonly writing: Writing;
  readonly #stored: StoredRecord;
  #unmade: Unmade | undefined;
  #before: TypedStored | undefined;

  constructor(writing: Writing, stored: StoredRecord) {
    this.writing = writing;
    this.#stored = stored;
  }

  get unmade(): Unmade {
    return (this.#unmade ??= new UnmadeUpdate(this.writing, this.#stored));
  }

  get resource(): Resource {
    return this.unmade.resource;
  }

  get payload(): Draft["payload"] {
    return this.writing.payload;
  }

  get previous(): Resource {
    return resourceOf(this.#stored);
  }

  get before(): TypedStored {
    return (this.#before ??= new TypedStored(this.writing.target.registration.type, this.#stored, undefined));
  }
}

function planJudged({ tenancy }: Candidate, splice: Splice): Plan<WriteResponse> {
  const { writing, stored } = splice;
  const { environment, target, path } = writing;
  if (isMarkedTenancy(tenancy))
    throw markedTenancy(target.units, "cannot write resource when tenancy marked for deletion", `${path}.id`);
  return planRecord(writing, recordOf(splice), {
    stored,
    before: guardOperations(environment, target.units),
    outcome: WriteResponse_Outcome.UPDATED,
  });
}

function recordOf({ writing, stored: { uid }, metadata, kept }: Splice): RecordInit {
  const { environment, target, payload } = writing;
  const { sent } = payload;
  if (sent === undefined) throw new TypeError("an update without a payload was spliced");
  const generation = environment.ulid();
  const bytes = encodeSpliced({ id: { ...target.id, uid }, generation, metadata, ...kept, data: sent });
  checkSize(bytes.length - (kept.status.end - kept.status.start));
  const { groupVersion } = target.registration.type;
  const { ownerId } = kept;
  const owner = ownerId && ownerRefOf(ownerId);
  return { uid, groupVersion, generation, owner, marked: false, bytes };
}
