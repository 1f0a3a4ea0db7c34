import {
  create,
  type DescMessage,
  fromJson,
  type JsonValue,
  type MessageShape,
  toJsonString,
} from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { errorFromJson } from "@connectrpc/connect/protocol-connect";
import { runProgram } from "@trellis/testkit";

import { schemas } from "../album.ts";
import { type Caller, pathOf } from "./caller.ts";

/** As clients read answers: a newer server may send fields that this one does not know. */
const readOptions = { registry: schemas, ignoreUnknownFields: true };

/** What `buf curl --protocol` may be. */
export type BufProtocol = "grpc" | "grpcweb" | "connect";

/** Calls with buf curl. It is given no schema: it learns everything, payload types included, from the server by reflection. */
export function bufCurlCaller(url: string, protocol: BufProtocol): Caller {
  const args = (path: string): string[] => [
    "curl",
    "--http2-prior-knowledge",
    "--protocol",
    protocol,
    "--data",
    "@-",
    url + path,
  ];
  return {
    async unary(method, request) {
      const input = toJsonString(method.input, create(method.input, request), { registry: schemas });
      const { stdout, stderr, exitCode } = await runProgram("buf", args(pathOf(method)), { input });
      if (exitCode !== 0) throw bufError(stderr);
      return fromJson(method.output, JSON.parse(stdout) as JsonValue, readOptions);
    },
    async stream(method, request, enough) {
      const input = toJsonString(method.input, create(method.input, request), { registry: schemas });
      let messages: readonly MessageShape<typeof method.output>[] = [];
      let left = false;
      const { stderr } = await runProgram("buf", args(pathOf(method)), {
        input,
        endWhen(stdout) {
          const all = wholeMessages(method.output, stdout);
          while (!left && messages.length < all.length) {
            messages = all.slice(0, messages.length + 1);
            left = enough(messages);
          }
          return left;
        },
      });
      if (!left) throw bufError(stderr);
      return messages;
    },
  };
}

/** buf prints one indented JSON object after the other. */
function wholeMessages<Desc extends DescMessage>(desc: Desc, stdout: string): MessageShape<Desc>[] {
  const texts = stdout.split(/(?<=^\}\n)/m).filter((text) => text.endsWith("}\n"));
  return texts.map((text) => fromJson(desc, JSON.parse(text) as JsonValue, readOptions));
}

function bufError(stderr: string): ConnectError {
  const fallback = new ConnectError(`buf curl failed: ${stderr}`, Code.Unknown);
  const at = stderr.indexOf("{");
  return at < 0 ? fallback : errorFromJson(JSON.parse(stderr.slice(at)) as JsonValue, undefined, fallback);
}
