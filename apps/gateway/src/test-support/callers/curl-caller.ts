import { create, fromJsonString, type JsonValue, toJsonString } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { errorFromJson } from "@connectrpc/connect/protocol-connect";
import { runProgram } from "@trellis/testkit";

import { schemas } from "../album.ts";
import { type Caller, pathOf } from "./caller.ts";

/** As connect-es and buf read answers: a newer server may send fields that this client does not know. */
const readOptions = { registry: schemas, ignoreUnknownFields: true };

/** Calls with curl and JSON, as the Connect protocol has it: by POST, or by GET for methods that only read. */
export function curlCaller(url: string, verb: "GET" | "POST"): Pick<Caller, "unary"> {
  return {
    async unary(method, request) {
      const json = toJsonString(method.input, create(method.input, request), { registry: schemas });
      const get = verb === "GET" && method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
      const target = `${url}${pathOf(method)}`;
      const args = get
        ? [`${target}?connect=v1&encoding=json&message=${encodeURIComponent(json)}`]
        : ["-H", "content-type: application/json", "--data-binary", "@-", target];
      const { stdout, stderr, exitCode } = await runProgram(
        "curl",
        ["-sS", "-w", "\n%{http_code}", ...args],
        {
          input: get ? "" : json,
        },
      );
      if (exitCode !== 0) throw new Error(`curl failed: ${stderr}`);
      const at = stdout.lastIndexOf("\n");
      const body = stdout.slice(0, at);
      if (stdout.slice(at + 1) === "200") return fromJsonString(method.output, body, readOptions);
      throw errorFromJson(JSON.parse(body) as JsonValue, undefined, new ConnectError(body, Code.Unknown));
    },
  };
}
