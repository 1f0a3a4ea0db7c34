import type { DescMessage } from "@bufbuild/protobuf";
import type { Client as RpcClient } from "@connectrpc/connect";
import type { ResourceService } from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import {
  type Clock,
  CONSISTENCY_HEADER,
  errorReason,
  type ResourceType,
  type TypedResource,
} from "@trellis/resource";

import type { ListOptions, ListQuery } from "./client.ts";
import { decodeAnswer, nameKey, typeOf } from "./convert.ts";
import { positionOf } from "./mark.ts";

/** What a list needs. */
export interface ListDeps {
  readonly rpc: RpcClient<typeof ResourceService>;
  readonly clock: Clock;
}

/** How often a list may start over in a row, without having given anything in between. */
const MAX_RESTARTS = 5;
/** What says that the version of the pages is gone. */
const GONE: readonly (string | undefined)[] = ["PAGE_EXPIRED", "STORE_CHANGED"];

/**
 * Lists page by page. When the version that the pages show is gone (a slow reader, a new store), the list goes on in the present behind what it gave
 * last, and says so through `onRestart`.
 */
export async function* listAll<Desc extends DescMessage>(
  deps: ListDeps,
  type: ResourceType<Desc>,
  query: ListQuery,
  options: ListOptions,
): AsyncGenerator<TypedResource<Desc>> {
  const readPage = createPageReader(deps, type, query, options);
  let pageToken = "";
  let last: string | undefined;
  let behind: string | undefined;
  for (let restarts = 0; ;) {
    try {
      const page = await readPage(pageToken);
      for (const resource of page.resources) {
        const typed = decodeAnswer(type, resource);
        const key = nameKey(typed.id);
        if (behind !== undefined && key <= behind) continue;
        last = key;
        restarts = 0;
        yield typed;
      }
      pageToken = page.nextPageToken;
      if (pageToken === "") return;
    } catch (error) {
      if (!GONE.includes(errorReason(error)) || pageToken === "" || restarts === MAX_RESTARTS) throw error;
      restarts += 1;
      options.onRestart?.();
      pageToken = "";
      behind = last;
    }
  }
}

function createPageReader(
  { rpc, clock }: ListDeps,
  type: ResourceType,
  { partition = "", namespace = "", namePrefix = "", selector = "" }: ListQuery,
  { signal, timeoutMs, consistency, onPosition, pageSize = 0 }: ListOptions,
) {
  const deadlineMs = timeoutMs === undefined ? undefined : clock.monotonic() + timeoutMs;
  return (pageToken: string) =>
    rpc.list(
      { type: typeOf(type), tenancy: { partition, namespace }, namePrefix, selector, pageSize, pageToken },
      {
        headers: consistency === undefined ? {} : { [CONSISTENCY_HEADER]: consistency },
        ...(signal === undefined ? {} : { signal }),
        ...(deadlineMs === undefined ? {} : { timeoutMs: Math.floor(deadlineMs - clock.monotonic()) }),
        onHeader(headers) {
          const position = positionOf(headers);
          if (position !== undefined) onPosition?.(position);
        },
      },
    );
}
