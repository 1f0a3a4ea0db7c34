import type {
  Session as SessionMessage,
  SessionRequest as RequestMessage,
} from "@trellis/protos/trellis/storage/v1/commit_pb.js";

import type { Session, SessionRequest } from "../sessions.ts";
import { fromNumber, known, toNumber } from "./known.ts";

/** The request of a session as messages carry it. Throws `invalid` for numbers that are none. */
export function toRequestMessage({ session, sequence, lowestUnanswered }: SessionRequest) {
  return {
    session: toSessionMessage(session),
    sequence: fromNumber(sequence, "the sequence of a request"),
    lowestUnanswered: fromNumber(lowestUnanswered, "the lowest unanswered sequence"),
  };
}

/** A session as messages carry it. Throws `invalid` for a number that is none. */
export function toSessionMessage({ id, openedAt }: Session) {
  return { id, openedAt: fromNumber(openedAt, "where a session was opened") };
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
