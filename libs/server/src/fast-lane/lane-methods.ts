import {
  create,
  type DescMessage,
  type DescMethodBiDiStreaming,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type DescService,
  isMessage,
  type Message,
} from "@bufbuild/protobuf";
import type { ConnectRouter, HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { createMethodSerializationLookup } from "@connectrpc/connect/protocol";

import type { RequestReader } from "../part.ts";
import type { Encoding } from "./encode-binary.ts";
import { type RpcLimits, rpcSerialization } from "../rpc-options.ts";

/** What a unary method does, whoever reads and writes its messages. */
type Implementation = (request: Message, context: HandlerContext) => Promise<Message> | Message;

/** A unary method that the fast lane may serve. */
export interface LaneMethod {
  readonly method: DescMethodUnary;
  /** The very function that the protocol library calls. Throws, at once or later. */
  readonly call: Implementation;
  /** Makes a whole message of what it answers. */
  readonly whole: (answer: Message) => Message;
  /** Reads and writes messages as the protocol library does, errors and limits included. */
  readonly serialization: ReturnType<typeof createMethodSerializationLookup<DescMessage, DescMessage>>;
  /** Writes answers in binary. */
  readonly answer: Encoding<Message>;
  /** Reads requests in binary before the library is asked. */
  readonly read: RequestReader | undefined;
}

/** A method that answers with a stream, whoever reads and writes its messages. */
export interface StreamMethod {
  readonly method: DescMethodServerStreaming;
  /** The very function that the protocol library calls. */
  readonly call: (request: Message, context: HandlerContext) => AsyncIterable<Message>;
  readonly serialization: LaneMethod["serialization"];
}

/** A method in which both sides stream, whoever reads and writes its messages. */
export interface BidiMethod {
  readonly method: DescMethodBiDiStreaming;
  /** The very function that the protocol library calls. */
  readonly call: (requests: AsyncIterable<Message>, context: HandlerContext) => AsyncIterable<Message>;
}

/** Methods by path. */
export interface RecordedMethods {
  readonly unary: Map<string, LaneMethod>;
  readonly streams: Map<string, StreamMethod>;
  readonly bidi: Map<string, BidiMethod>;
}

interface RequestReaders {
  readonly requestReaders: ReadonlyMap<DescMessage, RequestReader>;
}

/** Notes the methods that are registered with a router, but for those that take many messages and answer once. What is registered with options of its own is left out. */
export function recordMethods(
  router: ConnectRouter,
  options: RpcLimits & RequestReaders,
  { unary, streams, bidi }: RecordedMethods,
): ConnectRouter {
  const recording: ConnectRouter = {
    handlers: router.handlers,
    service(service, implementation, own) {
      router.service(service, implementation, own);
      if (own === undefined) note(service, implementation);
      return recording;
    },
    rpc: ((...registration: Parameters<ConnectRouter["rpc"]>) => {
      router.rpc(...registration);
      return recording;
    }) as ConnectRouter["rpc"],
  };

  function note<S extends DescService>(service: S, implementation: Partial<ServiceImpl<S>>): void {
    const functions = implementation as Readonly<Record<string, unknown>>;
    for (const method of service.methods) {
      const found = functions[method.localName];
      if (typeof found !== "function") continue;
      const path = `/${service.typeName}/${method.name}`;
      const serialization = rpcSerialization(method, options);
      if (method.methodKind === "unary") {
        const answer = found.bind(implementation) as Implementation;
        unary.set(path, {
          method: method as DescMethodUnary,
          serialization,
          call: answer,
          whole: (message) => (isMessage(message, method.output) ? message : create(method.output, message)),
          answer: { schema: method.output, serialize: serialization.getO(true).serialize },
          read: options.requestReaders.get(method.input),
        });
      } else if (method.methodKind === "server_streaming") {
        streams.set(path, {
          method: method as DescMethodServerStreaming,
          serialization,
          call: found.bind(implementation) as StreamMethod["call"],
        });
      } else if (method.methodKind === "bidi_streaming") {
        const call = found.bind(implementation) as BidiMethod["call"];
        bidi.set(path, { method: method as DescMethodBiDiStreaming, call });
      }
    }
  }
  return recording;
}
