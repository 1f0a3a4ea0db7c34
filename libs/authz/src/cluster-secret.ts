import { createHash, timingSafeEqual } from "node:crypto";

import { apiError, CLUSTER_SECRET_HEADER } from "@trellis/resource";

import { anonymous, type Authenticator, type Identity } from "./authz.ts";

/** The fewest and the most characters of a cluster secret. */
const MIN_SECRET_LENGTH = 16;
const MAX_SECRET_LENGTH = 1_024;

/** The system itself: its controllers and the platform's own writes. */
export const systemIdentity: Identity = { ...anonymous, name: "system", system: true };

/**
 * Reads a cluster secret from the text of its file: one line of printable ASCII, white space around it apart. Throws an Error that
 * says what was expected, and not what was found: it is a secret.
 */
export function parseClusterSecret(text: string): string {
  const secret = text.trim();
  if (
    secret.length < MIN_SECRET_LENGTH ||
    secret.length > MAX_SECRET_LENGTH ||
    !/^[\x21-\x7e]+$/.test(secret)
  ) {
    throw new Error(
      `expected one line of ${MIN_SECRET_LENGTH} to ${MAX_SECRET_LENGTH} printable characters without spaces; make one with: openssl rand -hex 32`,
    );
  }
  return secret;
}

/**
 * Takes who sends one of the secrets for the system (the cluster's, and one that a process keeps to itself), and everyone else for what `others` says. A
 * wrong secret is refused, never taken for none. Comparing takes the same time wherever the first difference is.
 */
export function createClusterSecretAuthenticator(
  secrets: readonly string[],
  others: Authenticator,
): Authenticator {
  const expected = secrets.map(digest);
  return {
    authenticate(headers) {
      const given = headers.get(CLUSTER_SECRET_HEADER);
      if (given === null) return others.authenticate(headers);
      const found = digest(given);
      if (expected.some((one) => timingSafeEqual(found, one))) return systemIdentity;
      throw apiError({
        reason: "UNAUTHENTICATED",
        message: `the header ${CLUSTER_SECRET_HEADER} does not have this cluster's secret; give every part of the cluster the same --cluster-secret`,
      });
    },
  };
}

/** Hashes have one length, as the comparison needs. */
function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
