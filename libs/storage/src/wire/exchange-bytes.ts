import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type EncodedExchangeRequest,
  EncodedExchangeRequestSchema,
  type EncodedExchangeResponse,
  EncodedExchangeResponseSchema,
  HelloSchema,
  ServerStatusSchema,
} from "@trellis/protos/trellis/storage/v1/storage_service_pb.js";
import { Fields, lengthBytes, type MessageForm, writeLength } from "@trellis/resource/node";

const requests = EncodedExchangeRequestSchema.field;
const responses = EncodedExchangeResponseSchema.field;

/** What fields begin with: all of them have a length. */
const TAG = {
  hello: requests.hello.number * 8 + 2,
  calls: requests.calls.number * 8 + 2,
  status: responses.status.number * 8 + 2,
  answers: responses.answers.number * 8 + 2,
} as const;

const NOTHING = new Uint8Array(0);

/** Requests of an exchange: mostly calls and nothing else, which are copied once. What comes with them seldom is left to the library. */
export const exchangeRequestForm: Required<MessageForm<EncodedExchangeRequest>> = {
  write({ $unknown, hello, calls, cancelled }, room) {
    if ($unknown !== undefined) return undefined;
    const before = hello === undefined ? NOTHING : requestBytes({ hello });
    const behind = cancelled.length === 0 ? NOTHING : requestBytes({ cancelled });
    return joined(room, { before, tag: TAG.calls, items: calls, behind });
  },
  read(bytes) {
    const parts = partsOf(bytes, { head: TAG.hello, items: TAG.calls });
    if (parts === undefined) return undefined;
    const { head, items: calls } = parts;
    const $typeName = "trellis.storage.v1.EncodedExchangeRequest";
    if (head === undefined) return { $typeName, calls, cancelled: [] };
    const hello = orLeft(() => fromBinary(HelloSchema, head));
    return hello === undefined ? undefined : { $typeName, hello, calls, cancelled: [] };
  },
};

/** Responses of an exchange: mostly answers and nothing else. */
export const exchangeResponseForm: Required<MessageForm<EncodedExchangeResponse>> = {
  write({ $unknown, status, answers }, room) {
    if ($unknown !== undefined) return undefined;
    const before = status === undefined ? NOTHING : responseBytes({ status });
    return joined(room, { before, tag: TAG.answers, items: answers, behind: NOTHING });
  },
  read(bytes) {
    const parts = partsOf(bytes, { head: TAG.status, items: TAG.answers });
    if (parts === undefined) return undefined;
    const { head, items: answers } = parts;
    const $typeName = "trellis.storage.v1.EncodedExchangeResponse";
    if (head === undefined) return { $typeName, answers };
    const status = orLeft(() => fromBinary(ServerStatusSchema, head));
    return status === undefined ? undefined : { $typeName, status, answers };
  },
};

function requestBytes(fields: Partial<Pick<EncodedExchangeRequest, "hello" | "cancelled">>): Uint8Array {
  return toBinary(EncodedExchangeRequestSchema, create(EncodedExchangeRequestSchema, fields));
}

function responseBytes(fields: Pick<EncodedExchangeResponse, "status">): Uint8Array {
  return toBinary(EncodedExchangeResponseSchema, create(EncodedExchangeResponseSchema, fields));
}

/** A field with many items, and the encoded fields before and behind it. */
interface Parts {
  readonly before: Uint8Array;
  readonly tag: number;
  readonly items: readonly Uint8Array[];
  readonly behind: Uint8Array;
}

function joined(room: number, { before, tag, items, behind }: Parts): Uint8Array {
  let size = room + before.length + behind.length;
  for (const { length } of items) size += 1 + lengthBytes(length) + length;
  const bytes = Buffer.allocUnsafe(size);
  bytes.set(before, room);
  let at = room + before.length;
  for (const item of items) {
    bytes[at] = tag;
    at = writeLength(bytes, at + 1, item.length);
    bytes.set(item, at);
    at += item.length;
  }
  bytes.set(behind, at);
  return bytes;
}

/** Undefined where there is anything but the items, and one field before them. */
function partsOf(
  bytes: Uint8Array,
  tags: { readonly head: number; readonly items: number },
): { readonly head: Uint8Array | undefined; readonly items: Uint8Array<ArrayBuffer>[] } | undefined {
  const fields = new Fields(bytes, 0, bytes.length);
  const items: Uint8Array<ArrayBuffer>[] = [];
  let head: Uint8Array | undefined;
  while (fields.next()) {
    const { tag, start, end } = fields;
    if (tag === tags.items) items.push((bytes as Uint8Array<ArrayBuffer>).subarray(start, end));
    else if (tag === tags.head && !fields.isRepeated) head = bytes.subarray(start, end);
    else return undefined;
  }
  return fields.isBroken ? undefined : { head, items };
}

/** Undefined where the library fails: it says why, of the whole message. */
function orLeft<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
