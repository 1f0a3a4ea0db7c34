import type { JsonObject } from "@bufbuild/protobuf";
import { CONSISTENCY_HEADER, MIN_VERSION_HEADER, STORE_HEADER, TIMEOUT_HEADER } from "@trellis/resource";

/** The parameters that operations refer to. Each is named as it stands here, unless it says otherwise. */
export const parameters: Readonly<Record<string, JsonObject>> = {
  name: path("The resource's name."),
  key: path("The status key, percent-encoded."),
  partition: query("The partition; the caller's default when absent. `*` for all in lists and watches."),
  namespace: query("The namespace; the caller's default when absent. `*` for all in lists and watches."),
  uid: query("Pins one incarnation of the name."),
  version: query("Only if this is the present version; 409 if not."),
  dry_run: query("Answers what would happen, and stores nothing.", { type: "boolean" }),
  ns: query("Short for `namespace`."),
  name_prefix: query("Only names that begin with this."),
  watched_name: {
    ...query("With watch: only the resource of exactly this name; excludes `name_prefix`."),
    name: "name",
  },
  selector: query("Terms on metadata, all of which must hold: `a=b,c!=d,e in (x,y),f,!g`."),
  page_size: query("At most this many; the server may give less.", { type: "integer", minimum: 0 }),
  page_token: query("The `nextPageToken` of the page before; all else must be as it was there."),
  watch: query("Streams events as NDJSON instead.", { type: "boolean" }),
  bookmarks: query("With watch: sends the version from time to time while nothing happens, to resume from.", {
    type: "boolean",
  }),
  since: query("With watch: resumes after this version instead of starting with what there is."),
  "If-Match": inHeader("Only if this is the present ETag, or with `*` if the resource exists; 412 if not."),
  "If-None-Match": inHeader(
    "PUT with `*`: only creates; 412 if the resource exists. GET: 304 if this is the present ETag.",
  ),
  [CONSISTENCY_HEADER]: inHeader(
    "`eventual`: what the replica that answers has, the default. `strong`: nothing older than the request.",
    { type: "string", enum: ["eventual", "strong"] },
  ),
  [MIN_VERSION_HEADER]: inHeader(
    "The answer shows at least this store version, as the header trellis-version of an earlier answer had it.",
  ),
  [STORE_HEADER]: inHeader("The store that the version of trellis-min-version belongs to."),
  [TIMEOUT_HEADER]: inHeader("How long the request may take, in milliseconds.", {
    type: "integer",
    minimum: 1,
  }),
};

/** The names of the parameters that every operation takes. */
export const COMMON_PARAMETERS = [CONSISTENCY_HEADER, MIN_VERSION_HEADER, STORE_HEADER, TIMEOUT_HEADER];

function path(description: string): JsonObject {
  return { in: "path", required: true, description, schema: { type: "string" } };
}

function query(description: string, schema: JsonObject = { type: "string" }): JsonObject {
  return { in: "query", description, schema };
}

function inHeader(description: string, schema: JsonObject = { type: "string" }): JsonObject {
  return { in: "header", description, schema };
}
