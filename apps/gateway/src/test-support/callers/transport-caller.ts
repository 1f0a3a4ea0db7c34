import { create, type MessageShape } from "@bufbuild/protobuf";
import { createAsyncIterable } from "@connectrpc/connect/protocol";
import type { Transport } from "@connectrpc/connect";

import type { Caller } from "./caller.ts";

/** Calls through a transport of connect-es, such as those that browsers use. */
export function transportCaller(transport: Transport): Caller {
  return {
    async unary(method, request) {
      const { message } = await transport.unary(method, undefined, undefined, undefined, request);
      return message;
    },
    async stream(method, request, enough) {
      const leave = new AbortController();
      const input = createAsyncIterable([create(method.input, request)]);
      const messages: MessageShape<typeof method.output>[] = [];
      try {
        const answer = await transport.stream(method, leave.signal, undefined, undefined, input);
        for await (const message of answer.message) {
          messages.push(message);
          if (enough(messages)) leave.abort();
        }
      } catch (error) {
        if (!leave.signal.aborted) throw error;
      }
      return messages;
    },
  };
}
