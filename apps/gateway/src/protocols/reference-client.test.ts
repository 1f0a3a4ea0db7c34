import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import * as grpc from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type ServerProcess, startGateway } from "@trellis/testkit";

/**
 * A client that knows the reference's field numbers and payload names and nothing else: it writes and reads bytes by hand (specification
 * of the resource service, §1), and calls by the reference's service name over gRPC.
 */
let server: ServerProcess;
let client: grpc.Client;

beforeAll(async () => {
  server = await startGateway({ domains: ["@trellis/demo", "@trellis/catalog"] });
  client = new grpc.Client(server.url.replace("http://", ""), grpc.credentials.createInsecure());
}, 60_000);
afterAll(async () => {
  client.close();
  expect(await server.stop()).toBe(0);
});

const SERVICE = "/hashicorp.consul.resource.ResourceService";

/** A message as its fields: numbers are varints, texts and bytes are length-delimited, lists repeat the field. */
type Fields = Readonly<Record<number, Uint8Array | string | number | readonly Uint8Array[] | undefined>>;

function message(fields: Fields): Uint8Array {
  const writer = new BinaryWriter();
  for (const [number, value] of Object.entries(fields)) {
    for (const one of Array.isArray(value) ? (value as Uint8Array[]) : [value]) {
      if (typeof one === "number") writer.tag(Number(number), WireType.Varint).int32(one);
      else if (typeof one === "string") writer.tag(Number(number), WireType.LengthDelimited).string(one);
      else if (one instanceof Uint8Array) writer.tag(Number(number), WireType.LengthDelimited).bytes(one);
    }
  }
  return writer.finish();
}

/** The fields of a message by number, as raw bytes; varints as numbers. */
function fieldsOf(bytes: Uint8Array): ReadonlyMap<number, readonly (Uint8Array | number)[]> {
  const reader = new BinaryReader(bytes);
  const fields = new Map<number, (Uint8Array | number)[]>();
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    const value = type === WireType.Varint ? Number(reader.uint64()) : reader.bytes();
    fields.set(number, [...(fields.get(number) ?? []), value]);
  }
  return fields;
}

function at(bytes: Uint8Array, ...path: readonly number[]): Uint8Array {
  let value = bytes;
  for (const number of path) {
    const found = fieldsOf(value).get(number)?.[0];
    if (!(found instanceof Uint8Array)) throw new Error(`no field ${number} of ${path.join(".")}`);
    value = found;
  }
  return value;
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8");
const ARTIST = message({ 1: "demo", 2: "v2", 3: "Artist" });
const TENANCY = message({ 1: "default", 3: "default" });
const PAYLOAD = "hashicorp.consul.internal.demo.v2.Artist";

function id(name: string, uid?: Uint8Array): Uint8Array {
  return message({ 1: uid, 2: name, 3: ARTIST, 4: TENANCY });
}

function artist(name: string, title: string, payload = PAYLOAD): Uint8Array {
  const data = message({ 1: `type.googleapis.com/${payload}`, 2: message({ 1: title }) });
  return message({ 1: id(name), 7: data });
}

function metadata(headers: Readonly<Record<string, string>>): grpc.Metadata {
  const all = new grpc.Metadata();
  for (const [name, value] of Object.entries(headers)) all.set(name, value);
  return all;
}

function call(
  method: string,
  request: Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      `${SERVICE}/${method}`,
      (bytes: Uint8Array) => Buffer.from(bytes),
      (bytes: Buffer) => new Uint8Array(bytes),
      request,
      metadata(headers),
      { deadline: Date.now() + 10_000 },
      (error, answer) => (error === null && answer !== undefined ? resolve(answer) : reject(error as Error)),
    );
  });
}

/** The field numbers that an answer has. */
const numbers = (bytes: Uint8Array): number[] => [...fieldsOf(bytes).keys()].sort((a, b) => a - b);

describe("a client of the reference", () => {
  it("writes, and gets the resource with its own payload name and nothing that it does not know", async () => {
    const answer = await call("Write", message({ 1: artist("korn", "Korn") }));
    expect(numbers(answer)).toEqual([1]);
    expect(text(at(answer, 1, 7, 1))).toBe(`type.googleapis.com/${PAYLOAD}`);
    expect(text(at(answer, 1, 7, 2, 1))).toBe("Korn");
    expect(text(at(answer, 1, 3))).toMatch(/^\d+$/);
  });

  it("writes by either payload name, and by none that means another type", async () => {
    await call("Write", message({ 1: artist("tool", "Tool", "hashicorp.consul.demo.v2.Artist") }));
    await expect(
      call("Write", message({ 1: artist("x", "X", "hashicorp.consul.demo.v2.Album") })),
    ).rejects.toMatchObject({
      code: grpc.status.INVALID_ARGUMENT,
    });
  });

  it("reads, with its consistency header and its token", async () => {
    const headers = { "x-consul-consistency-mode": "consistent", "x-consul-token": "secret" };
    const answer = await call("Read", message({ 1: id("korn") }), headers);
    expect(numbers(answer)).toEqual([1]);
    expect(text(at(answer, 1, 7, 2, 1))).toBe("Korn");
    await expect(call("Read", message({ 1: id("nobody") }))).rejects.toMatchObject({
      code: grpc.status.NOT_FOUND,
    });
  });

  it("writes a status", async () => {
    const read = await call("Read", message({ 1: id("korn") }));
    const condition = message({ 1: "Accepted", 2: 1, 3: "Fine" });
    const status = message({ 1: text(at(read, 1, 4)), 2: [condition] });
    const request = message({ 1: id("korn", at(read, 1, 1, 1)), 3: "reference/controller", 4: status });
    const answer = await call("WriteStatus", request);
    expect(numbers(answer)).toEqual([1]);
    const entry = at(answer, 1, 6);
    expect(text(at(entry, 1))).toBe("reference/controller");
    expect(text(at(entry, 2, 2, 1))).toBe("Accepted");
  });

  it("lists whole types, however many there are", async () => {
    const names = Array.from({ length: 1_200 }, (_, index) => `list-${String(index).padStart(4, "0")}`);
    for (let start = 0; start < names.length; start += 100) {
      await Promise.all(
        names.slice(start, start + 100).map((name) => call("Write", message({ 1: artist(name, name) }))),
      );
    }
    const answer = await call("List", message({ 1: ARTIST, 2: TENANCY, 3: "list-" }));
    expect(numbers(answer)).toEqual([1]);
    expect(fieldsOf(answer).get(1)).toHaveLength(names.length);
  }, 60_000);

  it("gets pages when it asks for them", async () => {
    const answer = await call("List", message({ 1: ARTIST, 2: TENANCY, 3: "list-", 100: 10 }));
    expect(fieldsOf(answer).get(1)).toHaveLength(10);
    expect(numbers(answer)).toEqual([1, 100, 101]);
  });

  it("lists by owner", async () => {
    const owner = at(await call("Read", message({ 1: id("korn") })), 1, 1);
    const album = message({
      1: message({ 2: "issues", 3: message({ 1: "demo", 2: "v2", 3: "Album" }), 4: TENANCY }),
      2: owner,
      7: message({
        1: "type.googleapis.com/hashicorp.consul.internal.demo.v2.Album",
        2: message({ 1: "Issues" }),
      }),
    });
    await call("Write", message({ 1: album }));
    const answer = await call("ListByOwner", message({ 1: owner }));
    expect(numbers(answer)).toEqual([1]);
    expect(text(at(answer, 1, 1, 2))).toBe("issues");
    expect(text(at(answer, 1, 7, 1))).toBe("type.googleapis.com/hashicorp.consul.internal.demo.v2.Album");
  });

  it("runs mutation and validation", async () => {
    const answer = await call("MutateAndValidate", message({ 1: artist("new", "New") }));
    expect(text(at(answer, 1, 7, 1))).toBe(`type.googleapis.com/${PAYLOAD}`);
    await expect(call("MutateAndValidate", message({ 1: artist("new", "") }))).rejects.toMatchObject({
      code: grpc.status.INVALID_ARGUMENT,
    });
  });

  it("watches: upserts, the end of the snapshot, deletes, and no arm or field that it does not know", async () => {
    await call("Write", message({ 1: artist("watched-1", "One") }));
    const stream = client.makeServerStreamRequest(
      `${SERVICE}/WatchList`,
      (bytes: Uint8Array) => Buffer.from(bytes),
      (bytes: Buffer) => new Uint8Array(bytes),
      message({ 1: ARTIST, 2: TENANCY, 3: "watched-" }),
      new grpc.Metadata(),
      { deadline: Date.now() + 20_000 },
    );
    const events: Uint8Array[] = [];
    let heard: () => void = () => undefined;
    stream.on("data", (event: Uint8Array) => {
      events.push(event);
      heard();
    });
    stream.on("error", () => undefined);
    const until = async (count: number): Promise<void> => {
      while (events.length < count) await new Promise<void>((resolve) => (heard = resolve));
    };
    await until(2);
    await call("Write", message({ 1: artist("watched-2", "Two") }));
    await until(3);
    await call("Delete", message({ 1: id("watched-2") }));
    await until(4);
    stream.cancel();
    expect(events.map(numbers)).toEqual([[1], [3], [1], [2]]);
    expect(
      events
        .filter((_, index) => index !== 1)
        .map((event) => text(at(event, numbers(event)[0] ?? 0, 1, 1, 2))),
    ).toEqual(["watched-1", "watched-2", "watched-2"]);
    expect(numbers(at(events[3] ?? new Uint8Array(), 2))).toEqual([1]);
  });

  it("deletes, again and again", async () => {
    expect(await call("Delete", message({ 1: id("korn") }))).toHaveLength(0);
    expect(await call("Delete", message({ 1: id("korn") }))).toHaveLength(0);
  });

  it("has none of the methods that the reference lacks", async () => {
    await expect(call("Transact", new Uint8Array())).rejects.toMatchObject({
      code: grpc.status.UNIMPLEMENTED,
    });
  });
});
