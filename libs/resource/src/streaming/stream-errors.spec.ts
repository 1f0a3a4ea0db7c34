import { constants } from "node:http2";

import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "@jest/globals";

import { closedError, streamError } from "./stream-errors.ts";

const nodeError = (code: string, cause?: unknown): Error =>
  Object.assign(new Error("it", { cause }), { code });

describe("what Node says of a stream", () => {
  it.each([
    ["ECONNREFUSED", Code.Unavailable],
    ["ENOTFOUND", Code.Unavailable],
    ["ETIMEDOUT", Code.Unavailable],
    ["ECONNRESET", Code.Aborted],
    ["ERR_STREAM_DESTROYED", Code.Aborted],
    ["ERR_HTTP2_INVALID_STREAM", Code.Aborted],
    ["EPIPE", Code.Internal],
  ])("as %s has the code that the library gives it, wherever in the causes it is", (name, code) => {
    for (const reason of [nodeError(name), nodeError("OTHER", nodeError(name))]) {
      const error = streamError(reason);
      expect([error.code, error.cause]).toEqual([code, reason]);
    }
  });

  it("is what it is when it is an error of a call already, and looked for in no more causes than there are", () => {
    const known = new ConnectError("PING timed out", Code.Unavailable);
    expect(streamError(known)).toBe(known);
    const endless = nodeError("OTHER");
    endless.cause = endless;
    expect(streamError(endless).code).toBe(Code.Internal);
    expect(streamError("a text").code).toBe(Code.Internal);
  });

  it("by the code of a reset is told by its name", () => {
    expect(closedError(constants.NGHTTP2_CANCEL)).toMatchObject({
      code: Code.Canceled,
      rawMessage: "http/2 stream closed with error code CANCEL (0x8)",
    });
    expect(closedError(constants.NGHTTP2_ENHANCE_YOUR_CALM).code).toBe(Code.ResourceExhausted);
    expect(closedError(constants.NGHTTP2_NO_ERROR).rawMessage).toContain("before its end");
    expect(closedError(undefined).code).toBe(Code.Internal);
  });
});
