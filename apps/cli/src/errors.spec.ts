import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "@jest/globals";
import { apiError } from "@trellis/resource";

import { CliError, errorText, usageError } from "./errors.ts";

const SERVER = "http://127.0.0.1:7500";
const START = 'Start a server with "npm start", or name another with --server or TRELLIS_SERVER.';
const failing = (code: string) =>
  new ConnectError("what the transport says", Code.Unavailable, undefined, undefined, { cause: { code } });

describe("an error", () => {
  it.each([
    ["ECONNREFUSED", "connection refused", START],
    ["ECONNRESET", "the connection was cut", START],
    ["ENOTFOUND", "no such host", START],
    ["ERR_HTTP2_ERROR", "it does not speak HTTP/2", START],
    ["ERR_SSL_WRONG_VERSION_NUMBER", "it does not speak TLS", "Give its address as http://HOST:PORT."],
    [
      "DEPTH_ZERO_SELF_SIGNED_CERT",
      "its certificate is not trusted",
      "Name the authority that signed it in the environment variable NODE_EXTRA_CA_CERTS.",
    ],
  ])("of the network, %s, says what it means and what to do", (code, words, hint) => {
    expect(errorText(failing(code), SERVER)).toEqual({ message: `cannot reach ${SERVER}: ${words}`, hint });
  });

  it("of the network is found below other errors", () => {
    const refused = Object.assign(new Error("connect"), { code: "ECONNREFUSED" });
    const both = { errors: [refused] };
    const error = new ConnectError("x", Code.Unavailable, undefined, undefined, { cause: { cause: both } });
    expect(errorText(error, SERVER).message).toBe(`cannot reach ${SERVER}: connection refused`);
  });

  it("of the server has its own words, and its violations below", () => {
    const violations = ["a", "b", "c", "d", "e", "f"].map((field) => ({
      field,
      description: `bad\n${field}`,
    }));
    const error = apiError({ reason: "INVALID_DATA", message: "six\nfields are wrong", violations });
    expect(errorText(error, SERVER)).toEqual({
      message: "six fields are wrong",
      hint: "a: bad a; b: bad b; c: bad c; d: bad d; and 2 more",
    });
  });

  it("of another kind of server says so", () => {
    expect(errorText(new ConnectError("HTTP 404", Code.Unimplemented), SERVER)).toEqual({
      message: `${SERVER} answers, but not as a Trellis server: HTTP 404`,
      hint: "Check the address given with --server or TRELLIS_SERVER.",
    });
  });

  it("of time names who did not answer", () => {
    expect(
      errorText(new ConnectError("the operation timed out", Code.DeadlineExceeded), SERVER).message,
    ).toBe(`${SERVER} did not answer in time`);
  });

  it("of the command line itself is taken as it is", () => {
    expect(errorText(usageError("wrong", "do right"), SERVER)).toEqual({
      message: "wrong",
      hint: "do right",
    });
    expect(errorText(new CliError("broken"), SERVER)).toEqual({ message: "broken", hint: undefined });
  });

  it("of any other kind is one line, without a stack", () => {
    expect(errorText(new Error("a\n  b"), SERVER)).toEqual({ message: "a b" });
    expect(errorText("a text", SERVER)).toEqual({ message: "a text" });
    expect(errorText(undefined, SERVER)).toEqual({ message: "undefined" });
  });
});
