import { describe, expect, it } from "@jest/globals";

import { GRPC } from "./forms.ts";
import { GrpcMessages } from "./grpc-messages.ts";

describe("the messages of a gRPC stream", () => {
  const sent = ["one", "", "a longer third one"];
  const bytes = Buffer.concat(sent.map((text) => GRPC.body(Buffer.from(text))));

  it.each([1, 2, 5, 7, 100])("are found whole in pieces of %d bytes", (size) => {
    const found: string[] = [];
    const messages = new GrpcMessages((message) => found.push(Buffer.from(message).toString()));
    for (let at = 0; at < bytes.length; at += size) messages.take(bytes.subarray(at, at + size));
    expect(found).toEqual(sent);
  });
});
