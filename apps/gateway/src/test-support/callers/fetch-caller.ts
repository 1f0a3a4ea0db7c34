import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { errorFromJsonBytes } from "@connectrpc/connect/protocol-connect";

import { type Caller, pathOf } from "./caller.ts";

/** Calls with nothing but fetch and protobuf, as the Connect protocol has it. */
export function fetchCaller(url: string): Pick<Caller, "unary"> {
  return {
    async unary(method, request) {
      const response = await fetch(url + pathOf(method), {
        method: "POST",
        headers: { "content-type": "application/proto" },
        body: toBinary(method.input, create(method.input, request)),
      });
      const body = await response.bytes();
      if (response.ok) return fromBinary(method.output, body);
      throw errorFromJsonBytes(body, undefined, new ConnectError(`HTTP ${response.status}`, Code.Unknown));
    },
  };
}
