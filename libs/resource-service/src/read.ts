import { create } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import {
  type ReadRequest,
  ReadRequestSchema,
  type ReadResponse,
  ReadResponseSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";

import { readNowOrWait } from "@trellis/storage";

import { authorize, authorizeName } from "./authorization.ts";
import type { Call } from "./call.ts";
import type { Environment } from "./environment.ts";
import { groupVersionMismatch, resourceNotFound } from "./errors.ts";
import { checkRequest } from "./rules.ts";
import { show } from "./shown.ts";
import { resourceField, withStored } from "./stored-form.ts";
import { targetOf } from "./target.ts";
import { missingUnit } from "./tenancy.ts";

/** Reads one resource. A name without permission is denied before it is looked for, so that a denial tells nothing. */
export async function read(
  environment: Environment,
  request: ReadRequest,
  call: Call,
): Promise<ReadResponse> {
  checkRequest(environment, ReadRequestSchema, request);
  const { registration, id, units, key } = targetOf(environment, call, request.id, "id");
  const answered = authorizeName(environment, call, "read", registration, id);
  const answer = answered instanceof Promise ? await answered : answered;
  const standing = environment.tenancy.state(units);
  // Whatever becomes of it is of no interest when the read fails at once.
  if (standing instanceof Promise) standing.catch(() => undefined);
  const reading = readNowOrWait(environment.backend, key, call);
  const [tenancy, { record, position }] =
    standing instanceof Promise || reading instanceof Promise
      ? await Promise.all([standing, reading])
      : [standing, reading];
  // A resource that is there proves its units, which may have been read from a replica that has not come to them yet.
  const missing = record === undefined ? missingUnit(tenancy, units, Code.NotFound, "id") : undefined;
  if (missing !== undefined) throw missing;
  call.shows(position.version);
  if (record === undefined || (id.uid !== "" && id.uid !== record.uid)) throw resourceNotFound(id);
  const showing = show(registration, record);
  const shown = showing instanceof Promise ? await showing : showing;
  if (shown === undefined) throw groupVersionMismatch(id, record.groupVersion, "id");
  if (answer === "needsResource")
    await authorize(environment, call, "read", registration, { resource: shown.resource() });
  return call.inBinary && shown.stored !== undefined
    ? withStored(create(ReadResponseSchema), [resourceField(shown.stored)])
    : create(ReadResponseSchema, { resource: shown.resource() });
}
