import { Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import { describe, expect, it } from "@jest/globals";
import { ErrorReason } from "@trellis/protos/trellis/resource/v1/errors_pb";
import { ResourceService } from "@trellis/protos/trellis/resource/v1/resource_service_pb";

import {
  apiError,
  errorApplied,
  errorMetadata,
  errorReason,
  errorRetryAfterMs,
  errorViolations,
  errorWithin,
} from "./api-error.ts";
import { errorCatalogue } from "./error-catalogue.ts";
import { problemDetails } from "./problem-details.ts";

const init = {
  reason: "INVALID_REQUEST",
  message: "id.name invalid",
  metadata: { applied: "no", hint: "x" },
  violations: [{ field: "id.name", description: "must be a name" }],
  retryAfterMs: 1_500,
} as const;

/** The error as a client gets it over the wire. */
async function received(): Promise<ConnectError> {
  const transport = createRouterTransport(({ service }) =>
    service(ResourceService, {
      read() {
        throw apiError(init);
      },
    }),
  );
  return await createClient(ResourceService, transport)
    .read({})
    .then(
      () => new ConnectError("no error"),
      (error: unknown) => ConnectError.from(error),
    );
}

describe("an error of the API", () => {
  it.each([
    ["where it is made", async () => apiError(init)],
    ["over the wire", received],
  ])("tells its reason, metadata, violations and when to come back: %s", async (_, make) => {
    const error = await make();
    expect(error.code).toBe(Code.InvalidArgument);
    expect(errorReason(error)).toBe("INVALID_REQUEST");
    expect(errorMetadata(error)).toEqual(init.metadata);
    expect(errorViolations(error)).toEqual(init.violations);
    expect(errorRetryAfterMs(error)).toBe(1_500);
    expect(errorApplied(error)).toBe("no");
  });

  it("may have another code than its reason's own", () => {
    expect(apiError({ reason: "PARTITION_NOT_FOUND", message: "x", code: Code.InvalidArgument }).code).toBe(
      Code.InvalidArgument,
    );
  });

  it("shortens what its caller sent, in the middle, so that what to do stays", () => {
    const long = "a".repeat(40_000);
    const error = apiError({
      reason: "INVALID_REQUEST",
      message: `found ${long}; send less`,
      metadata: { requested: long },
      violations: [{ field: `query.${long}`, description: `found ${long}; send less` }],
    });
    expect(error.rawMessage).toMatch(/^found a+ … \([\d,]+ characters left out\) … a+; send less$/);
    const [violation] = errorViolations(error);
    expect(violation?.field).toMatch(/^query\.a+ … .* … a+$/);
    expect(violation?.description).toMatch(/^found a+ … .* … a+; send less$/);
    expect(errorMetadata(error)["requested"]?.length).toBeLessThan(1_000);
    expect(JSON.stringify([error.rawMessage, violation]).length).toBeLessThan(4_096);
  });

  it("cuts no character in two", () => {
    for (const before of ["", "a"]) {
      const { rawMessage } = apiError({ reason: "INVALID_REQUEST", message: before + "😀".repeat(10_000) });
      expect(rawMessage.isWellFormed()).toBe(true);
    }
  });

  it("takes no text that is not Unicode onto the wire", () => {
    const error = apiError({
      reason: "INVALID_REQUEST",
      message: "found \ud800",
      metadata: { requested: "\ud800" },
      violations: [{ field: "metadata.\ud800", description: "found \ud800" }],
    });
    const texts = [error.rawMessage, ...Object.values(errorMetadata(error))];
    for (const { field, description } of errorViolations(error)) texts.push(field, description);
    expect(texts.filter((text) => !text.isWellFormed())).toEqual([]);
  });

  it("has the first violations that fit into its bytes, and tells how many others there are", () => {
    const violations = Array.from({ length: 128 }, (_, at) => ({
      field: `operations[${at}].write.resource.metadata`,
      description: "ä".repeat(1_000),
    }));
    const error = apiError({ ...init, violations });
    const count = errorViolations(error).length;
    expect(errorViolations(error)).toEqual(violations.slice(0, count));
    expect(count).toBeGreaterThan(10);
    expect(errorMetadata(error)).toEqual({ ...init.metadata, violations_left_out: String(128 - count) });
    const smaller = errorWithin(error, 5_000);
    expect(errorViolations(smaller)).toEqual(violations.slice(0, 2));
    expect(errorMetadata(smaller)).toEqual({ ...init.metadata, violations_left_out: "126" });
    expect([smaller.code, errorRetryAfterMs(smaller)]).toEqual([error.code, 1_500]);
    expect(errorViolations(errorWithin(error, 1))).toHaveLength(1);
  });

  it("stays whole when all of it fits", () => {
    const error = errorWithin(apiError(init), 1_000);
    expect([errorMetadata(error), errorViolations(error)]).toEqual([init.metadata, init.violations]);
    const other = new ConnectError("x".repeat(5_000));
    expect(errorWithin(other, 1_000)).toBe(other);
  });

  it("is told from any other error", () => {
    for (const other of [new Error("x"), new ConnectError("x"), undefined, "x"]) {
      expect([errorReason(other), errorViolations(other), errorRetryAfterMs(other)]).toEqual([
        undefined,
        [],
        undefined,
      ]);
    }
  });
});

describe("the catalogue", () => {
  it("has every reason", () => {
    expect(new Set(Object.keys(errorCatalogue))).toEqual(
      new Set(Object.keys(ErrorReason).filter((name) => name !== "UNSPECIFIED")),
    );
  });
});

describe("an error as plain HTTP answers it", () => {
  it("is a problem with the same reason, all violations, and when to come back", () => {
    const { status, body, retryAfterSeconds } = problemDetails(apiError(init));
    expect([status, retryAfterSeconds]).toEqual([400, 2]);
    expect(body).toMatchObject({
      status: 400,
      title: "Bad Request",
      code: "invalid_argument",
      reason: "INVALID_REQUEST",
      violations: init.violations,
    });
  });

  it("has the status that the route chose, the reason's, or the code's", () => {
    expect(problemDetails(apiError({ reason: "VERSION_MISMATCH", message: "x" }), 412).status).toBe(412);
    expect(problemDetails(apiError({ reason: "REQUEST_TOO_LARGE", message: "x" })).status).toBe(413);
    expect(
      problemDetails(apiError({ reason: "PARTITION_NOT_FOUND", message: "x", code: Code.InvalidArgument }))
        .status,
    ).toBe(400);
  });
});
