import { toBinary, toJson, createRegistry, type JsonValue } from "@bufbuild/protobuf";
import { AlbumSchema } from "@trellis/protos/trellis/demo/v2/demo_pb";

import { concat, mutateBytes, mutateJson } from "./mutate.ts";
import type { Choices } from "./random.ts";
import { seedRequest, type SeedRequest } from "./seeds.ts";

/** A request as bytes on their way, right or wrong. */
export interface RawRequest {
  readonly httpVersion: 1 | 2;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | undefined;
  /** When the client goes away: in the middle of its request, some time after it, or not before it has the whole answer. */
  readonly leaves: "midway" | { readonly afterMs: number } | undefined;
}

/** A protocol's way to send a hostile request. */
export interface Protocol {
  readonly name: string;
  readonly request: (choices: Choices) => RawRequest;
}

const schemas = createRegistry(AlbumSchema);
/** How many clients go away in the middle of a request. */
const VANISH = 0.03;
/** How long a client stays with a watch: it has no end of its own. */
const WATCH_MS = 30;
/** How often something outside the body is wrong. */
const ODD_FRAME = 0.15;

/** The protocols that a gateway serves. */
export const protocols: readonly Protocol[] = [
  { name: "connect-json", request: connectJson },
  { name: "connect-binary", request: connectBinary },
  { name: "grpc", request: (choices) => grpc(choices, "application/grpc+proto") },
  { name: "grpc-web", request: (choices) => grpc(choices, "application/grpc-web+proto") },
  { name: "rest", request: rest },
];

function connectJson(choices: Choices): RawRequest {
  const seed = seedRequest(choices);
  const body = mutateJson(toJson(seed.method.input, seed.message, { registry: schemas }), choices);
  return isStream(seed)
    ? framed(choices, seed, { contentType: "application/connect+json", body: envelope(body, choices) })
    : framed(choices, seed, { contentType: "application/json", body });
}

function connectBinary(choices: Choices): RawRequest {
  const seed = seedRequest(choices);
  const body = mutateBytes(toBinary(seed.method.input, seed.message), choices);
  return isStream(seed)
    ? framed(choices, seed, { contentType: "application/connect+proto", body: envelope(body, choices) })
    : framed(choices, seed, { contentType: "application/proto", body });
}

function grpc(choices: Choices, contentType: string): RawRequest {
  const seed = seedRequest(choices);
  const body = envelope(mutateBytes(toBinary(seed.method.input, seed.message), choices), choices);
  return framed(choices, seed, { contentType, body });
}

function isStream({ method }: SeedRequest): boolean {
  return method.methodKind === "server_streaming";
}

/** Length-prefixed as gRPC has it; now and then with flags or a length that lie. */
function envelope(message: Uint8Array, choices: Choices): Uint8Array {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt8(choices.chance(0.05) ? choices.below(256) : 0, 0);
  prefix.writeUInt32BE(choices.chance(0.05) ? choices.below(2 ** 32) : message.length, 1);
  return choices.chance(0.03) ? message : concat(prefix, message);
}

interface Frame {
  readonly contentType: string;
  readonly body: Uint8Array;
}

/** Puts a body into a request for the seed's method, now and then with something wrong around it. */
function framed(choices: Choices, seed: SeedRequest, { contentType, body }: Frame): RawRequest {
  const isGrpc = contentType.startsWith("application/grpc+");
  const odd = choices.chance(ODD_FRAME);
  const path = `/${seed.service}/${seed.method.name}`;
  return {
    httpVersion: isGrpc ? 2 : 1,
    method: odd && choices.chance(0.3) ? choices.pick(["GET", "PUT", "DELETE", "PATCH", "OPTIONS"]) : "POST",
    path: odd && choices.chance(0.3) ? `${path}${choices.pick(["x", "/", "?a=%ff", "/../..", "%2e"])}` : path,
    headers: {
      "content-type": odd && choices.chance(0.5) ? choices.pick(ODD_CONTENT_TYPES) : contentType,
      ...(isGrpc ? { te: "trailers" } : {}),
      ...(contentType.startsWith("application/grpc")
        ? {}
        : { "connect-protocol-version": odd && choices.chance(0.2) ? "2" : "1" }),
      ...(odd ? oddHeaders(choices) : {}),
    },
    body,
    leaves: leaving(choices, isStream(seed)),
  };
}

function leaving(choices: Choices, stream: boolean): RawRequest["leaves"] {
  if (choices.chance(VANISH)) return "midway";
  return stream ? { afterMs: WATCH_MS } : undefined;
}

const ODD_CONTENT_TYPES = ["text/plain", "application/xml", "application/grpc+x", ";;"];

function oddHeaders(choices: Choices): Record<string, string> {
  return choices.pick<Record<string, string>>([
    { "connect-timeout-ms": choices.pick(["1", "0", "-1", "99999999999", "x"]) },
    { "grpc-timeout": choices.pick(["1n", "1m", "99999999H", "x"]) },
    { "content-encoding": choices.pick(["gzip", "br", "zstd"]) },
    { "grpc-encoding": "gzip" },
    { "trellis-consistency": choices.pick(["strong", "weak"]) },
    { "trellis-min-version": choices.pick(["1", "-1", "9999999999999999999"]) },
    { "trellis-store": "nonsense" },
    {},
  ]);
}

function rest(choices: Choices): RawRequest {
  const name = `fuzz-${choices.below(50)}`;
  const base = "/api/demo/v2/album";
  const path = choices.pick([
    base,
    `${base}/${name}`,
    `${base}/${name}`,
    `${base}/${name}/owned`,
    `${base}/${name}/status/fuzz.dev%2Fa`,
    `${base}?page_size=${choices.pick(["3", "-1", "x"])}`,
    `${base}?selector=${choices.pick(["a%3Db", "(((", "a%20in%20(", "%ff"])}`,
    `${base}?watch${choices.pick(["", "&since=x", "&since=1", "&name_prefix=fuzz"])}`,
    `${base}?page_token=${choices.pick(["x", "AAAA", "%00"])}`,
    `/api/${choices.pick(["demo/v9/album", "..%2f/v1/x", "%", "demo/v2/album/UPPER", "a/b/c/d/e/f/g"])}`,
  ]);
  const method = choices.chance(0.1)
    ? choices.pick(["POST", "PATCH"])
    : choices.pick(["GET", "GET", "PUT", "PUT", "DELETE"]);
  const value: JsonValue = { metadata: { team: "fuzz" }, data: { title: "Title", tracks: ["one"] } };
  return {
    httpVersion: choices.chance(0.5) ? 1 : 2,
    method,
    path,
    headers: {
      "content-type": choices.chance(ODD_FRAME) ? "text/yaml" : "application/json",
      ...(choices.chance(ODD_FRAME) ? { "if-match": choices.pick(['"1"', "*", "x"]) } : {}),
      ...(choices.chance(ODD_FRAME) ? oddHeaders(choices) : {}),
    },
    body: method === "GET" ? undefined : mutateJson(value, choices),
    leaves: leaving(choices, path.includes("watch")),
  };
}
