import { randomBytes } from "node:crypto";
import { hostname } from "node:os";

import type { LeaseHolder } from "@trellis/controller/runtime";
import { ConfigError } from "@trellis/server";

/** Bytes of what tells processes of one name, and one process from its restart, apart. */
const ID_BYTES = 16;
/** Bytes of what tells managers of one host apart for people. */
const SUFFIX_BYTES = 3;
/** The longest name that a lease takes. */
const MAX_NAME_LENGTH = 253;

/** Who this process is among the managers: the name may be another's too, the id is nobody else's. Throws a ConfigError for a name that leases do not take. */
export function holderOf(identity: string | undefined): LeaseHolder {
  const name = identity ?? `${hostname()}-${randomBytes(SUFFIX_BYTES).toString("hex")}`;
  if (name.trim() === "" || name.length > MAX_NAME_LENGTH) {
    throw new ConfigError([
      `--identity: expected a name of 1 to ${MAX_NAME_LENGTH} characters; found "${name}"`,
    ]);
  }
  return { id: randomBytes(ID_BYTES).toString("hex"), name };
}
