import { connect } from "node:http2";

/** Where half a request may be sent. */
export type HalfOver = "the plain route" | "Connect" | "gRPC" | "a stream of requests";

const TARGETS: Readonly<Record<HalfOver, readonly [method: string, path: string, type: string]>> = {
  "the plain route": ["PUT", "/put", "application/octet-stream"],
  Connect: ["POST", "/trellis.resource.v1.ResourceService/Write", "application/json"],
  gRPC: ["POST", "/trellis.resource.v1.ResourceService/Write", "application/grpc"],
  "a stream of requests": [
    "POST",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "application/grpc",
  ],
};

/** A request over HTTP/2 whose end does not come. */
export interface HalfRequest {
  /** The headers and trailers of the answer. */
  readonly answered: Promise<Readonly<Record<string, unknown>>>;
  /** Sends more. */
  send(bytes: Uint8Array): void;
  /** Pieces of the answer that came; small messages come one in each. */
  answers(): number;
  /** Whether the answer is over. */
  isOver(): boolean;
  /** Cuts its connection. (A stream that Node's client closes early is ended before it is reset, and so comes whole.) */
  cut(): void;
}

/** Sends the head and so many bytes, those of one longer message, on a connection of its own. */
export function halfRequest(url: string, over: HalfOver, bytes: number): HalfRequest {
  const [method, path, type] = TARGETS[over];
  const session = connect(url);
  session.on("error", () => undefined);
  const stream = session.request({ ":method": method, ":path": path, "content-type": type, te: "trailers" });
  let isOver = false;
  const answered = new Promise<Readonly<Record<string, unknown>>>((resolve) => {
    let told = {};
    stream.on("response", (headers) => (told = { ...told, ...headers }));
    stream.on("trailers", (headers) => (told = { ...told, ...headers }));
    stream.on("end", () => {
      isOver = true;
      resolve(told);
    });
  });
  stream.on("error", () => undefined);
  stream.on("close", () => session.close());
  let pieces = 0;
  stream.on("data", () => pieces++);
  if (bytes > 0) {
    const body = Buffer.alloc(bytes, "x");
    body.writeUInt8(0);
    body.writeUInt32BE(bytes, 1);
    stream.write(body);
  }
  return {
    answered,
    send: (more) => void stream.write(more),
    answers: () => pieces,
    isOver: () => isOver,
    cut: () => session.destroy(),
  };
}
