import {
  create,
  type DescMessage,
  type DescMethodUnary,
  type DescService,
  isMessage,
  type Message,
} from "@bufbuild/protobuf";
import type { ConnectRouter, HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { createMethodSerializationLookup } from "@connectrpc/connect/protocol";

import { type RpcLimits, rpcSerialization } from "../rpc-options.ts";

/** What a unary method does, whoever reads and writes its messages. */
type Implementation = (request: Message, context: HandlerContext) => Promise<Message> | Message;

/** A unary method that the fast lane may serve. */
export interface LaneMethod {
  readonly method: DescMethodUnary;
  /** The very function that the protocol library calls; its answer is made whole. */
  readonly call: (request: Message, context: HandlerContext) => Promise<Message>;
  /** Reads and writes messages as the protocol library does, errors and limits included. */
  readonly serialization: ReturnType<typeof createMethodSerializationLookup<DescMessage, DescMessage>>;
}

/** Notes the unary methods that are registered with a router, by path. What is registered with options of its own is left out. */
export function recordUnaryMethods(
  router: ConnectRouter,
  options: RpcLimits,
  methods: Map<string, LaneMethod>,
): ConnectRouter {
  const recording: ConnectRouter = {
    handlers: router.handlers,
    service(service, implementation, own) {
      router.service(service, implementation, own);
      if (own === undefined) for (const method of unaryMethods(service, implementation)) note(method);
      return recording;
    },
    rpc: ((...registration: Parameters<ConnectRouter["rpc"]>) => {
      router.rpc(...registration);
      return recording;
    }) as ConnectRouter["rpc"],
  };

  function note([method, implementation]: readonly [DescMethodUnary, Implementation]): void {
    methods.set(`/${method.parent.typeName}/${method.name}`, {
      method,
      serialization: rpcSerialization(method, options),
      async call(request, context) {
        const answer = await implementation(request, context);
        return isMessage(answer, method.output) ? answer : create(method.output, answer);
      },
    });
  }
  return recording;
}

function unaryMethods<S extends DescService>(
  service: S,
  implementation: Partial<ServiceImpl<S>>,
): readonly (readonly [DescMethodUnary, Implementation])[] {
  const functions = implementation as Readonly<Record<string, Implementation | undefined>>;
  return service.methods.flatMap((method) => {
    const found = functions[method.localName];
    return method.methodKind === "unary" && found !== undefined
      ? [[method as DescMethodUnary, found.bind(implementation)] as const]
      : [];
  });
}
