import { create, type MessageShape } from "@bufbuild/protobuf";
import type {
  ListByOwnerResponse,
  ListByOwnerResponseSchema,
  ListResponse,
  ListResponseSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import type { Key, OwnerQuery, TypeQuery, Version } from "@trellis/storage";

import type { Call } from "./call.ts";
import type { Environment } from "./environment.ts";
import {
  DEFAULT_PAGE_SIZE,
  MAX_PAGE_BYTES,
  MAX_PAGE_SIZE,
  MAX_SCANNED_PER_PAGE,
  SCAN_CHUNK,
} from "./limits.ts";
import { nextTurn } from "./next-turn.ts";
import { decodePageToken, encodePageToken, requestDigest } from "./page-token.ts";
import type { Shown } from "./shown.ts";
import type { Sight } from "./sight.ts";
import { resourceField, withStored } from "./stored-form.ts";

/** What a page is made of. */
export interface PageRequest {
  readonly query: TypeQuery | OwnerQuery;
  readonly pageSize: number;
  readonly pageToken: string;
  /** What must be the same on all pages. */
  readonly boundTo: readonly string[];
  readonly see: Sight["see"];
}

/** A page of a list. */
export interface Page {
  readonly shown: readonly Shown[];
  readonly version: string;
  readonly nextPageToken: string;
}

/** The response that has a page. */
export function answerOf<Desc extends typeof ListResponseSchema | typeof ListByOwnerResponseSchema>(
  schema: Desc,
  { inBinary }: Call,
  { shown, version, nextPageToken }: Page,
): MessageShape<Desc> {
  const answer: ListResponse | ListByOwnerResponse = create<
    typeof ListResponseSchema | typeof ListByOwnerResponseSchema
  >(schema, { version, nextPageToken });
  const stored = shown.map((one) => (inBinary ? one.stored : undefined));
  // All or none: fields of the two kinds would not keep their order.
  if (stored.every((one) => one !== undefined)) withStored(answer, stored.map(resourceField));
  else answer.resources = shown.map(({ resource }) => resource());
  return answer as MessageShape<Desc>;
}

/** Reads one page: as many as asked and allowed, of the version that the first page showed. A page may be short without being the last. */
export async function readPage(environment: Environment, call: Call, request: PageRequest): Promise<Page> {
  const { backend } = environment;
  const digest = requestDigest([call.identity.name, ...request.boundTo]);
  const start =
    request.pageToken === ""
      ? undefined
      : decodePageToken(request.pageToken, digest, backend.position().storeId);
  const size = Math.min(request.pageSize === 0 ? DEFAULT_PAGE_SIZE : request.pageSize, MAX_PAGE_SIZE);
  const shown: Shown[] = [];
  // A later page may come to a server that has not reached its version yet, and waits there.
  let version: Version | undefined = start?.version;
  let after: Key | undefined = start?.after;
  let bytes = 0;
  let scanned = 0;
  for (let chunks = 0; ; chunks++) {
    // Without a wire to storage everything below may happen in one turn of the event loop.
    if (chunks > 0) await nextTurn();
    const list = await backend.list(request.query, {
      signal: call.signal,
      limit: Math.min(SCAN_CHUNK, size - shown.length + 1),
      ...(after === undefined ? {} : { after }),
      ...(version === undefined
        ? { consistency: call.consistency, minimum: call.minimum }
        : { atVersion: version, minimum: { version } }),
    });
    version = list.position.version;
    call.shows(version);
    for (const record of list.records) {
      const full =
        shown.length === size || (shown.length > 0 && bytes + record.bytes.byteLength > MAX_PAGE_BYTES);
      if (full || scanned === MAX_SCANNED_PER_PAGE)
        return page(shown, version, after, list.position.storeId, digest);
      scanned += 1;
      after = record.key;
      const seen = await request.see(record);
      if (seen.kind !== "seen") continue;
      shown.push(seen.shown);
      bytes += record.bytes.byteLength;
    }
    if (!list.more) return { shown, version: String(version), nextPageToken: "" };
  }
}

function page(
  shown: readonly Shown[],
  version: Version,
  after: Key | undefined,
  storeId: string,
  digest: string,
): Page {
  const nextPageToken = after === undefined ? "" : encodePageToken({ storeId, version, after }, digest);
  return { shown, version: String(version), nextPageToken };
}
