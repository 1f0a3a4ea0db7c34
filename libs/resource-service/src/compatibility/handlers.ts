import { create } from "@bufbuild/protobuf";
import type { ConnectRouter, HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { Resource } from "@trellis/protos/trellis/resource/v1/resource_pb";
import {
  DeleteResponseSchema,
  type ListByOwnerRequest,
  ListByOwnerRequestSchema,
  ListByOwnerResponseSchema,
  type ListRequest,
  ListRequestSchema,
  ListResponseSchema,
  MutateAndValidateResponseSchema,
  ReadResponseSchema,
  type ResourceService,
  type WatchEvent,
  WatchEventSchema,
  type WatchListRequest,
  WriteResponseSchema,
  WriteStatusResponseSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import type { Registry } from "@trellis/registry";
import { CONSISTENCY_HEADER } from "@trellis/resource";

import { withReferenceName, withRegisteredName } from "./payload-names.ts";
import { schemasWithReferenceNames } from "./payload-schemas.ts";
import { CompatibleService } from "./service.ts";

/** The header by which the reference's clients ask for a strong read, and the one value that does. */
const REFERENCE_CONSISTENCY_HEADER = "x-consul-consistency-mode";
const REFERENCE_STRONG = "consistent";

/** What the compatible handlers stand on: the same handlers that all clients reach. */
export interface CompatibilityDeps {
  readonly service: ServiceImpl<typeof ResourceService>;
  readonly registry: Registry;
}

/**
 * Serves the reference's clients (API.md §5): payloads go by their names of the reference, its consistency header is read, lists come whole, and
 * nothing is sent that the reference does not have unless the request asked for it by a field of Trellis.
 */
export function registerCompatibleService(
  router: ConnectRouter,
  { service, registry }: CompatibilityDeps,
): void {
  const shown = (resource: unknown) => withReferenceName(resource as Resource | undefined, registry);
  const bare = (resource: unknown) => {
    const named = shown(resource);
    return named === undefined ? {} : { resource: named };
  };
  const implementation = {
    read: async (request, context) =>
      create(ReadResponseSchema, bare((await service.read(request, adapted(context))).resource)),
    write: async (request, context) => {
      const answer = await service.write(withInput(request, registry), adapted(context));
      return create(WriteResponseSchema, bare(answer.resource));
    },
    writeStatus: async (request, context) =>
      create(
        WriteStatusResponseSchema,
        bare((await service.writeStatus(request, adapted(context))).resource),
      ),
    list: async (request, context) => {
      const pages = await allPages(request, async (pageToken) =>
        create(
          ListResponseSchema,
          await service.list(create(ListRequestSchema, { ...request, pageToken }), adapted(context)),
        ),
      );
      return create(ListResponseSchema, {
        ...positionOf(pages),
        resources: pages.resources.flatMap((one) => shown(one) ?? []),
      });
    },
    listByOwner: async (request, context) => {
      const pages = await allPages(request, async (pageToken) =>
        create(
          ListByOwnerResponseSchema,
          await service.listByOwner(
            create(ListByOwnerRequestSchema, { ...request, pageToken }),
            adapted(context),
          ),
        ),
      );
      return create(ListByOwnerResponseSchema, {
        ...positionOf(pages),
        resources: pages.resources.flatMap((one) => shown(one) ?? []),
      });
    },
    delete: async (request, context) => {
      await service.delete(request, adapted(context));
      return create(DeleteResponseSchema);
    },
    async *watchList(request, context) {
      for await (const event of service.watchList(request, adapted(context))) {
        const known = watchEvent(create(WatchEventSchema, event), request, shown);
        if (known !== undefined) yield known;
      }
    },
    mutateAndValidate: async (request, context) => {
      const answer = await service.mutateAndValidate(withInput(request, registry), adapted(context));
      return create(MutateAndValidateResponseSchema, bare(answer.resource));
    },
  } satisfies Omit<ServiceImpl<typeof ResourceService>, "transact" | "batchWrite">;
  router.service(CompatibleService as typeof ResourceService, implementation, {
    jsonOptions: jsonOptions(registry),
  });
}

/** As the other services read JSON: nothing that is not known is dropped in silence, and broken UTF-8 is an error of the caller. */
function jsonOptions(registry: Registry) {
  return {
    registry: schemasWithReferenceNames(registry),
    ignoreUnknownFields: false,
    textDecoder: new TextDecoder("utf-8", { fatal: true }),
  };
}

function withInput<Request extends { resource?: Resource | undefined }>(
  request: Request,
  registry: Registry,
): Request {
  const resource = withRegisteredName(request.resource, registry);
  return resource === undefined ? request : { ...request, resource };
}

/** The context with the reference's headers in the words of Trellis. What a caller says in those words already counts. */
function adapted(context: HandlerContext): HandlerContext {
  const mode = context.requestHeader.get(REFERENCE_CONSISTENCY_HEADER)?.split(",", 1)[0]?.trim();
  if (mode !== REFERENCE_STRONG || context.requestHeader.has(CONSISTENCY_HEADER)) return context;
  const requestHeader = new Headers(context.requestHeader);
  requestHeader.set(CONSISTENCY_HEADER, "strong");
  return Object.create(context, { requestHeader: { value: requestHeader } }) as HandlerContext;
}

interface Page {
  readonly resources: readonly Resource[];
  readonly version: string;
  readonly nextPageToken: string;
}

/** The page that was asked for; for a caller who knows of none all pages in one, without their version. */
async function allPages(
  { pageSize, pageToken: first }: ListRequest | ListByOwnerRequest,
  next: (pageToken: string) => Promise<Page>,
): Promise<Partial<Page> & Pick<Page, "resources">> {
  const resources: Resource[] = [];
  let pageToken = first;
  for (;;) {
    const page = await next(pageToken);
    if (pageSize !== 0 || first !== "") return page;
    resources.push(...page.resources);
    if (page.nextPageToken === "") return { resources };
    pageToken = page.nextPageToken;
  }
}

function positionOf({ version, nextPageToken }: Partial<Page>) {
  return version === undefined || nextPageToken === undefined ? {} : { version, nextPageToken };
}

/** The event as the reference has it; undefined for one that it does not have. Versions go to who resumes or asked for bookmarks. */
function watchEvent(
  { event, version }: WatchEvent,
  { bookmarks, sinceVersion }: WatchListRequest,
  shown: (resource: unknown) => Resource | undefined,
): WatchEvent | undefined {
  const asked = bookmarks || sinceVersion !== "";
  const resume = asked ? { version } : {};
  if (event.case === "bookmark") return asked ? create(WatchEventSchema, { event, version }) : undefined;
  if (event.case !== "upsert" && event.case !== "delete")
    return create(WatchEventSchema, { event, ...resume });
  const resource = shown(event.value.resource);
  const value = resource === undefined ? {} : { resource };
  return event.case === "upsert"
    ? create(WatchEventSchema, { event: { case: "upsert", value }, ...resume })
    : create(WatchEventSchema, {
        event: { case: "delete", value: asked ? { ...value, reason: event.value.reason } : value },
        ...resume,
      });
}
