import { Code, type ConnectRouter } from "@connectrpc/connect";
import type { ServerReflectionRequest } from "@trellis/protos/grpc/reflection/v1/reflection_pb";
import { ServerReflection } from "@trellis/protos/grpc/reflection/v1/reflection_pb";
import { ServerReflection as ServerReflectionAlpha } from "@trellis/protos/grpc/reflection/v1alpha/reflection_pb";

import { type DescriptorIndex, fileWithDependencies } from "./descriptor-index.ts";

/**
 * Registers `grpc.reflection.v1` and `v1alpha`, which differ in their package name only. The index is asked per call: it is made
 * after all services are registered, reflection among them.
 */
export function registerReflection(router: ConnectRouter, index: () => DescriptorIndex): void {
  router.service(ServerReflection, {
    async *serverReflectionInfo(requests) {
      for await (const request of requests) {
        yield {
          validHost: request.host,
          originalRequest: request,
          messageResponse: answer(request.messageRequest, index()),
        };
      }
    },
  });
  router.service(ServerReflectionAlpha, {
    async *serverReflectionInfo(requests) {
      for await (const request of requests) {
        yield {
          validHost: request.host,
          originalRequest: request,
          messageResponse: answer(request.messageRequest, index()),
        };
      }
    },
  });
}

/** The question of a request, of either version of the protocol. */
type Question =
  | Exclude<ServerReflectionRequest["messageRequest"], { case: "fileContainingExtension" }>
  | {
      readonly case: "fileContainingExtension";
      readonly value: { readonly containingType: string; readonly extensionNumber: number };
    };

type Answer =
  | { case: "fileDescriptorResponse"; value: { fileDescriptorProto: Uint8Array[] } }
  | { case: "allExtensionNumbersResponse"; value: { baseTypeName: string; extensionNumber: number[] } }
  | { case: "listServicesResponse"; value: { service: { name: string }[] } }
  | { case: "errorResponse"; value: { errorCode: number; errorMessage: string } };

function answer(question: Question, index: DescriptorIndex): Answer {
  switch (question.case) {
    case "listServices":
      return { case: "listServicesResponse", value: { service: index.services.map((name) => ({ name })) } };
    case "fileByFilename":
      return fileAnswer(index.fileNamed(question.value), `file "${question.value}"`);
    case "fileContainingSymbol":
      return fileAnswer(index.fileOf(question.value), `symbol "${question.value}"`);
    case "fileContainingExtension": {
      const { containingType, extensionNumber } = question.value;
      const extension = index.extension(containingType, extensionNumber);
      return fileAnswer(extension?.file, `extension ${extensionNumber} of "${containingType}"`);
    }
    case "allExtensionNumbersOfType": {
      const numbers = index.extensionNumbers(question.value);
      if (numbers === undefined) return notFound(`message "${question.value}"`);
      return {
        case: "allExtensionNumbersResponse",
        value: { baseTypeName: question.value, extensionNumber: [...numbers] },
      };
    }
    default:
      return {
        case: "errorResponse",
        value: { errorCode: Code.InvalidArgument, errorMessage: "set one field of message_request" },
      };
  }
}

function fileAnswer(file: Parameters<typeof fileWithDependencies>[0] | undefined, what: string): Answer {
  if (file === undefined) return notFound(what);
  return { case: "fileDescriptorResponse", value: { fileDescriptorProto: [...fileWithDependencies(file)] } };
}

function notFound(what: string): Answer {
  return {
    case: "errorResponse",
    value: { errorCode: Code.NotFound, errorMessage: `no ${what} on this server` },
  };
}
