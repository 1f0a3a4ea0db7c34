import { constants, type Http2Server, type ServerHttp2Stream } from "node:http2";

import { eventsFrom, greeting, WATCH_PATH } from "../messages.ts";
import { answer, beginAnswer, collector, createFloorServer, ignore } from "./calls.ts";

/**
 * A server that writes so many events at a time to each open stream whenever a call comes. A client that leaves more than a stream's high-water mark unread, by
 * far more than what one call gives, is given up.
 */
export function createFanOutServer(eventsAtOnce: number): Http2Server {
  const streams = new Set<ServerHttp2Stream>();
  let lastEvent = 0;
  const writeEvents = (): void => {
    const events = eventsFrom(lastEvent + 1, eventsAtOnce);
    lastEvent += eventsAtOnce;
    for (const stream of streams) {
      if (!stream.write(events)) stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    }
  };
  const open = (stream: ServerHttp2Stream): void => {
    stream.on("error", ignore);
    stream.on("close", () => streams.delete(stream));
    stream.resume();
    beginAnswer(stream);
    stream.write(greeting(lastEvent));
    streams.add(stream);
  };
  const collect = collector((call, body) => {
    answer(call, body);
    setImmediate(writeEvents);
  });
  const server = createFloorServer();
  server.on("stream", (stream, headers) => {
    if (headers[":path"] === WATCH_PATH) open(stream);
    else collect(stream);
  });
  return server;
}
