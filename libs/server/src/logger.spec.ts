import { Code, ConnectError } from "@connectrpc/connect";
import { errorFromJson, errorToJson } from "@connectrpc/connect/protocol-connect";
import { describe, expect, it } from "@jest/globals";
import { apiError } from "@trellis/resource";

import { createLogger, type LogFormat, type LogLevel } from "./logger.ts";

function logged(
  options: { format: LogFormat; isTTY?: boolean; level?: LogLevel },
  log: (logger: ReturnType<typeof createLogger>) => void,
): string {
  let text = "";
  const output = { isTTY: options.isTTY, write: (line: string) => (text += line) };
  log(createLogger({ name: "trellis-test", level: "info", colour: false, ...options, output }));
  return text;
}

describe("a log", () => {
  it("is JSON where no terminal is: time, level as a word, program, fields, message", () => {
    const line = logged({ format: "auto" }, (log) => log.info({ port: 7500 }, "listening"));
    expect(JSON.parse(line)).toMatchObject({
      level: "info",
      name: "trellis-test",
      port: 7500,
      msg: "listening",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    });
    expect(line.endsWith("\n")).toBe(true);
  });

  it("is for people on a terminal, one line each", () => {
    const line = logged({ format: "auto", isTTY: true }, (log) => log.warn({ port: 7500 }, "busy"));
    expect(line).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] WARN: busy \{"port":7500\}\n$/);
  });

  it("is what it is told to be", () => {
    expect(logged({ format: "json", isTTY: true }, (log) => log.info("x"))).toMatch(/^\{/);
    expect(logged({ format: "pretty" }, (log) => log.info("x"))).toMatch(/^\[/);
  });

  it("leaves out what is below its level", () => {
    expect(logged({ format: "json", level: "warn" }, (log) => log.info("x"))).toBe("");
    expect(logged({ format: "json", level: "silent" }, (log) => log.error("x"))).toBe("");
  });

  it("tells an error with its stack", () => {
    const line = logged({ format: "json" }, (log) => log.error({ err: new Error("broken") }, "failed"));
    expect(JSON.parse(line)).toMatchObject({
      err: { message: "broken", stack: expect.stringContaining("logger.spec") },
    });
  });

  it("tells the details of an RPC error in words, also of one that came over the wire", () => {
    const made = apiError({
      reason: "INVALID_DATA",
      message: "2 rules are broken",
      metadata: { applied: "no" },
      violations: [
        { field: "resource.data.name", description: "is missing" },
        { field: "resource.data.genre", description: "is missing" },
      ],
      retryAfterMs: 500,
    });
    const headers = new Headers({ authorization: "Bearer s3cret" });
    const received = errorFromJson(errorToJson(made, undefined), headers, new ConnectError("no error"));
    for (const err of [made, received]) {
      const line = logged({ format: "json" }, (log) => log.warn({ err }, "a reconcile failed"));
      expect(JSON.parse(line)["err"]).toEqual({
        type: "ConnectError",
        message: "[invalid_argument] 2 rules are broken",
        code: "invalid_argument",
        reason: "INVALID_DATA",
        metadata: { applied: "no" },
        violations: ["resource.data.name: is missing", "resource.data.genre: is missing"],
        retryAfterMs: 500,
        stack: expect.any(String),
      });
    }
  });

  it("tells an RPC error without details, and what caused it", () => {
    const err = new ConnectError("gone", Code.Unavailable, undefined, undefined, new TypeError("no socket"));
    const line = logged({ format: "json" }, (log) => log.warn({ err }, "x"));
    expect(JSON.parse(line)["err"]).toMatchObject({ code: "unavailable", cause: "TypeError: no socket" });
  });

  it("hides secrets wherever they stand in the fields", () => {
    const fields = {
      headers: { authorization: "Bearer s3cret", "x-consul-token": "s3cret", cookie: "s3cret" },
      token: "s3cret",
      password: "s3cret",
      authorization: "s3cret",
    };
    expect(logged({ format: "json" }, (log) => log.info(fields, "x"))).not.toContain("s3cret");
    expect(logged({ format: "pretty" }, (log) => log.info(fields, "x"))).not.toContain("s3cret");
  });
});
