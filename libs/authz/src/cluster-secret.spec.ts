import { describe, expect, it } from "@jest/globals";
import { Code } from "@connectrpc/connect";
import { CLUSTER_SECRET_HEADER, errorReason } from "@trellis/resource";

import { anonymous, anonymousAuthenticator } from "./authz.ts";
import { createClusterSecretAuthenticator, parseClusterSecret, systemIdentity } from "./cluster-secret.ts";

const SECRET = "a-secret-of-the-cluster";
const authenticator = createClusterSecretAuthenticator(
  [SECRET, "another-secret-of-it"],
  anonymousAuthenticator,
);

describe("the cluster's secret", () => {
  it("makes the system of who has it, and leaves everyone else to the next authenticator", () => {
    expect(authenticator.authenticate(new Headers({ [CLUSTER_SECRET_HEADER]: SECRET }))).toBe(systemIdentity);
    expect(authenticator.authenticate(new Headers())).toBe(anonymous);
  });

  it.each(["", SECRET.slice(1), `${SECRET}x`])("refuses a wrong one: %j", (wrong) => {
    let thrown: unknown;
    try {
      void authenticator.authenticate(new Headers({ [CLUSTER_SECRET_HEADER]: wrong }));
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: Code.Unauthenticated });
    expect(errorReason(thrown)).toBe("UNAUTHENTICATED");
    expect(String((thrown as Error).message)).not.toContain(SECRET);
  });

  it("is read from a file's text", () => {
    expect(parseClusterSecret(`  ${SECRET}\n`)).toBe(SECRET);
  });

  it.each(["", "short", "with spaces in between", "ümlaut-ümlaut-ümlaut", "x".repeat(1_025)])(
    "is not read from %j, which no error repeats",
    (text) => {
      expect(() => parseClusterSecret(text)).toThrow(/expected one line of 16 to 1024/);
      if (text !== "") expect(() => parseClusterSecret(text)).not.toThrow(text);
    },
  );
});
