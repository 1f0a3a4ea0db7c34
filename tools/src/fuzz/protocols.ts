import { toBinary, toJson, createRegistry, type JsonValue } from "@bufbuild/protobuf";
import { AlbumSchema } from "@trellis/protos/trellis/demo/v2/demo_pb";

import { concat, mutateBytes, mutateJson } from "./mutate.ts";
import type { Choices } from "./random.ts";
import { seedRequest } from "./seeds.ts";

/** A request as bytes on their way, right or wrong. */
export interface RawRequest {
  readonly httpVersion: 1 | 2;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | undefined;
  /** The client goes away before it has the answer. */
  readonly vanishes: boolean;
}

/** A protocol's way to send a hostile request. */
export interface Protocol {
  readonly name: string;
  readonly request: (choices: Choices) => RawRequest;
}

const schemas = createRegistry(AlbumSchema);
/** How many clients in a hundred go away in the middle. */
const VANISH = 0.03;
/** How often something outside the body is wrong. */
const ODD_FRAME = 0.15;

/** The protocols that a gateway serves. */
export const protocols: readonly Protocol[] = [
  { name: "connect-json", request: connectJson },
  { name: "connect-binary", request: (choices) => rpc(choices, "application/proto", 1, false) },
  { name: "grpc", request: (choices) => rpc(choices, "application/grpc+proto", 2, true) },
  { name: "grpc-web", request: (choices) => rpc(choices, "application/grpc-web+proto", 1, true) },
  { name: "rest", request: rest },
];

function connectJson(choices: Choices): RawRequest {
  const { service, method, message } = seedRequest(choices);
  const json = toJson(method.input, message, { registry: schemas });
  return framed(choices, {
    httpVersion: 1,
    path: `/${service}/${method.name}`,
    contentType: "application/json",
    body: mutateJson(json, choices),
  });
}

function rpc(choices: Choices, contentType: string, httpVersion: 1 | 2, enveloped: boolean): RawRequest {
  const { service, method, message } = seedRequest(choices);
  const mutated = mutateBytes(toBinary(method.input, message), choices);
  const body = enveloped ? envelope(mutated, choices) : mutated;
  return framed(choices, { httpVersion, path: `/${service}/${method.name}`, contentType, body });
}

/** Length-prefixed as gRPC has it; now and then with flags or a length that lie. */
function envelope(message: Uint8Array, choices: Choices): Uint8Array {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt8(choices.chance(0.05) ? choices.below(256) : 0, 0);
  prefix.writeUInt32BE(choices.chance(0.05) ? choices.below(2 ** 32) : message.length, 1);
  return choices.chance(0.03) ? message : concat(prefix, message);
}

interface Frame {
  readonly httpVersion: 1 | 2;
  readonly path: string;
  readonly contentType: string;
  readonly body: Uint8Array;
}

function framed(choices: Choices, frame: Frame): RawRequest {
  const odd = choices.chance(ODD_FRAME);
  return {
    httpVersion: frame.httpVersion,
    method: odd && choices.chance(0.3) ? choices.pick(["GET", "PUT", "DELETE", "PATCH", "OPTIONS"]) : "POST",
    path:
      odd && choices.chance(0.3)
        ? `${frame.path}${choices.pick(["x", "/", "?a=%ff", "/../..", "%2e"])}`
        : frame.path,
    headers: {
      "content-type":
        odd && choices.chance(0.5)
          ? choices.pick(["text/plain", "application/xml", "application/grpc+x", ";;"])
          : frame.contentType,
      ...(frame.contentType.includes("grpc") && frame.httpVersion === 2 ? { te: "trailers" } : {}),
      ...(frame.contentType.startsWith("application/grpc")
        ? {}
        : { "connect-protocol-version": odd && choices.chance(0.2) ? "2" : "1" }),
      ...(odd ? oddHeaders(choices) : {}),
    },
    body: frame.body,
    vanishes: choices.chance(VANISH),
  };
}

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
    `${base}?selector=${choices.pick(["a%3Db", "(((", "a in (", "%ff"])}`,
    `${base}?page_token=${choices.pick(["x", "AAAA", "%00"])}`,
    `/api/${choices.pick(["demo/v9/album", "..%2f/v1/x", "%", "demo/v2/album/UPPER", "a/b/c/d/e/f/g"])}`,
  ]);
  const method = choices.pick(["GET", "PUT", "PUT", "DELETE", "POST", "PATCH"]);
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
    vanishes: choices.chance(VANISH),
  };
}
