import { BenchError } from "../bench-error.ts";
import { Dataset } from "../dataset.ts";
import type { ReadyLoad } from "../loads.ts";
import { GRPC } from "../raw/forms.ts";
import type { RawClient } from "../raw/raw-client.ts";
import type { Watch } from "../store-calls.ts";
import { openWatchers } from "../watchers.ts";
import {
  BATCH,
  CALL_PATH,
  callBody,
  CLIENTS,
  EVENT_BYTES,
  eventNumber,
  numberResource,
  RESOURCES,
  STREAMS,
  WATCH_PATH,
} from "./messages.ts";
import type { Row } from "./rows.ts";

/** Makes a load ready on the connections of a client. */
export type OpenFloorLoad = (client: RawClient) => Promise<ReadyLoad>;

const CALL = GRPC.headers(CALL_PATH);
const WATCH = GRPC.headers(WATCH_PATH);
const WATCH_BODY = GRPC.body(new Uint8Array());

/** The load of a row, for all its rounds: it goes over all resources before it comes back to one. */
export function floorLoad(row: Row): OpenFloorLoad {
  switch (row) {
    case "batch100":
      return calls(BATCH);
    case "fan-out-1":
      return fanOut(1);
    case "fan-out-4":
      return fanOut(4);
    default:
      return calls(1);
  }
}

/** Calls of so many resources each, which have to come back as they were sent. */
function calls(resources: number): OpenFloorLoad {
  const data = new Dataset(RESOURCES);
  const sample = callBody(resources);
  const call = async (client: RawClient, caller: number): Promise<number> => {
    const body = Buffer.from(sample);
    for (let at = 0; at < resources; at++) numberResource(body, at, data.nextItem());
    const answer = await client.call(caller, CALL, body);
    if (!answer.equals(body)) throw new BenchError("a call was not answered with what it had sent");
    return resources;
  };
  return async (client) => ({ callers: CLIENTS, call: (caller) => call(client, caller) });
}

/** Calls of one client, after each of which so many events have to come on each of a thousand streams before the next. */
function fanOut(eventsAtOnce: number): OpenFloorLoad {
  const body = callBody(1);
  return async (client) => {
    const watchers = await openWatchers(
      { watch: (number, _item, onEvents) => watchEvents(client, number, onEvents) },
      { count: STREAMS, item: 0 },
    );
    return {
      callers: 1,
      async call(caller) {
        const delivered = Array.from({ length: eventsAtOnce }, () => watchers.next());
        await Promise.all([client.call(caller, CALL, body), ...delivered]);
        return eventsAtOnce * watchers.count;
      },
      close: () => watchers.close(),
    };
  };
}

/** A stream whose events have to come whole and each once, in their order; else it ends with a BenchError. */
export function watchEvents(
  client: Pick<RawClient, "stream">,
  number: number,
  onEvents: (count: number) => void,
): Watch {
  const live = Promise.withResolvers<void>();
  const wrong = Promise.withResolvers<never>();
  let last: number | undefined;
  const request = { headers: WATCH, body: WATCH_BODY, keepOpen: false };
  const stream = client.stream(number, request, (message) => {
    const found = eventNumber(message);
    if (last === undefined) live.resolve();
    else if (found === last + 1 && message.length === EVENT_BYTES) onEvents(1);
    else
      wrong.reject(
        new BenchError(
          `stream ${number}: expected event ${last + 1}, found ${found} of ${message.length} bytes`,
        ),
      );
    last = found;
  });
  const ended = Promise.race([stream.ended, wrong.promise]);
  ended.catch(() => undefined);
  return { ended, live: live.promise, close: () => stream.close() };
}
