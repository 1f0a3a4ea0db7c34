import type {
  Session as SessionMessage,
  SessionRequest as RequestMessage,
} from "@trellis/protos/trellis/storage/v1/commit_pb.js";

import type { Session, SessionRequest } from "../sessions.ts";
import { known, toNumber } from "./known.ts";

/** The request of a session as messages carry it. */
export function toRequestMessage({ session, sequence, lowestUnanswered }: SessionRequest) {
  return {
    session: toSessionMessage(session),
    sequence: BigInt(sequence),
    lowestUnanswered: BigInt(lowestUnanswered),
  };
}

/** A session as messages carry it. */
export function toSessionMessage({ id, openedAt }: Session) {
  return { id, openedAt: BigInt(openedAt) };
}

/** The request of a message. Throws `unsupported`. */
export function fromRequestMessage(message: RequestMessage): SessionRequest {
  const { session, sequence, lowestUnanswered } = known(message, "the request of a session");
  return {
    session: fromSessionMessage(session),
    sequence: toNumber(sequence),
    lowestUnanswered: toNumber(lowestUnanswered),
  };
}

/** The session of a message. Throws `unsupported`. */
export function fromSessionMessage(message: SessionMessage | undefined): Session {
  const { id, openedAt } = known(message, "a session");
  return { id, openedAt: toNumber(openedAt) };
}
