import { create, type DescMessage, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import { findTrailerError } from "@connectrpc/connect/protocol-grpc";
import { Client, credentials, type ServiceError, status } from "@grpc/grpc-js";

import { type Caller, pathOf } from "./caller.ts";

/** Calls with grpc-js, which knows nothing of this house. */
export function grpcCaller(url: string): Caller & { close(): void } {
  const client = new Client(new URL(url).host, credentials.createInsecure());
  const writer =
    <Desc extends DescMessage>(desc: Desc) =>
    (message: MessageShape<Desc>): Buffer =>
      Buffer.from(toBinary(desc, message));
  const reader =
    <Desc extends DescMessage>(desc: Desc) =>
    (bytes: Buffer): MessageShape<Desc> =>
      fromBinary(desc, bytes);
  return {
    unary: (method, request) =>
      new Promise((resolve, reject) => {
        const { input, output } = method;
        const message = create(input, request);
        const answered = (error: ServiceError | null, answer?: MessageShape<typeof output>): void => {
          if (answer === undefined) reject(connectError(error));
          else resolve(answer);
        };
        client.makeUnaryRequest(pathOf(method), writer(input), reader(output), message, answered);
      }),
    async stream(method, request, enough) {
      const { input, output } = method;
      const message = create(input, request);
      const stream = client.makeServerStreamRequest(pathOf(method), writer(input), reader(output), message);
      const messages: MessageShape<typeof output>[] = [];
      try {
        for await (const next of stream as AsyncIterable<MessageShape<typeof output>>) {
          messages.push(next);
          if (enough(messages)) stream.cancel();
        }
      } catch (error) {
        if ((error as ServiceError).code !== status.CANCELLED) throw connectError(error as ServiceError);
      }
      return messages;
    },
    close: () => client.close(),
  };
}

/** The error with the details of `grpc-status-details-bin`, as every gRPC library finds them. */
function connectError(error: ServiceError | null): ConnectError {
  if (error === null) return new ConnectError("neither an error nor an answer");
  const trailer = new Headers({
    "grpc-status": String(error.code),
    "grpc-message": encodeURIComponent(error.details),
  });
  const [details] = error.metadata.get("grpc-status-details-bin");
  if (details instanceof Uint8Array || typeof details === "object")
    trailer.set("grpc-status-details-bin", Buffer.from(details).toString("base64"));
  return findTrailerError(trailer) ?? new ConnectError(error.message);
}
