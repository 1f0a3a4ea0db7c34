import { GRPC } from "../raw/forms.ts";
import { ENVELOPE_BYTES } from "../raw/grpc-messages.ts";

/** Distinct resources, as many as each store of `npm run bench` has. */
export const RESOURCES = 100_000;
/** A resource as a call carries it: a write of the bench is as long. Its number is in front. */
export const RESOURCE_BYTES = 741;
/** Resources of a batch. */
export const BATCH = 100;
/** An event takes 720 bytes of its stream, as one of the bench does. Its number is in front. */
export const EVENT_BYTES = 720 - ENVELOPE_BYTES;
/** Streams that events are written to, and the connections that all streams and calls share. */
export const STREAMS = 1_000;
export const CONNECTIONS = 8;
/** Calls under way at once. */
export const CLIENTS = 64;

/** The path of a call, and of a stream of events. */
export const CALL_PATH = "/floor.Floor/Call";
export const WATCH_PATH = "/floor.Floor/Watch";

const NUMBER_BYTES = 4;
const FILLER = "r";

/** The body of a call with so many resources, one behind the other, all of number 0. */
export function callBody(resources: number): Buffer {
  const message = Buffer.alloc(resources * RESOURCE_BYTES, FILLER);
  const body = GRPC.body(message);
  for (let at = 0; at < resources; at++) numberResource(body, at, 0);
  return body;
}

/** Where in a body the resource begins that comes `at` in it. */
function resourceOffset(at: number): number {
  return ENVELOPE_BYTES + at * RESOURCE_BYTES;
}

/** Gives a number to the resource that comes `at` in a body. */
export function numberResource(body: Buffer, at: number, number: number): void {
  body.writeUInt32LE(number, resourceOffset(at));
}

/** Calls back with the number of each resource in a body, and where it begins. */
export function eachResource(body: Buffer, use: (number: number, offset: number) => void): void {
  for (let offset = resourceOffset(0); offset < body.length; offset += RESOURCE_BYTES)
    use(body.readUInt32LE(offset), offset);
}

/** What a stream begins with: the number of the last event before it. */
export function greeting(lastEvent: number): Buffer {
  const message = Buffer.alloc(NUMBER_BYTES);
  message.writeUInt32LE(lastEvent);
  return GRPC.body(message);
}

/** So many events in a row, as a stream has them, numbered from `first` on. */
export function eventsFrom(first: number, count: number): Buffer {
  const events = Array.from({ length: count }, (_, at) => {
    const message = Buffer.alloc(EVENT_BYTES, FILLER);
    message.writeUInt32LE(first + at);
    return GRPC.body(message);
  });
  return Buffer.concat(events);
}

/** The number in front of a greeting or an event. */
export function eventNumber(message: Uint8Array): number {
  return Buffer.from(message.buffer, message.byteOffset, message.byteLength).readUInt32LE();
}
