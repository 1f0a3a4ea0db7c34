import type { DescMessage, DescMethodStreaming } from "@bufbuild/protobuf";
import { anyPack, AnySchema } from "@bufbuild/protobuf/wkt";
import type { Transport } from "@connectrpc/connect";
import { ResourceService, type WatchEvent } from "@trellis/protos/trellis/resource/v1/resource_service_pb";

/**
 * A transport whose watches carry each payload sealed, as an `Any` inside the `Any`. The SDK reads payloads and ends a watch at one that it cannot read; a
 * sealed one it can always read, and what is inside stays as it is stored.
 */
export function withSealedPayloads(transport: Transport): Transport {
  return {
    unary: (...args) => transport.unary(...args),
    async stream<I extends DescMessage, O extends DescMessage>(
      ...args: Parameters<typeof transport.stream<I, O>>
    ) {
      const response = await transport.stream<I, O>(...args);
      return isWatch(args[0]) ? { ...response, message: sealed(response.message) } : response;
    },
  };
}

function isWatch(method: DescMethodStreaming): boolean {
  const { watchList } = ResourceService.method;
  return method.name === watchList.name && method.parent.typeName === watchList.parent.typeName;
}

async function* sealed<Message>(messages: AsyncIterable<Message>): AsyncGenerator<Message> {
  for await (const message of messages) {
    seal(message as WatchEvent);
    yield message;
  }
}

function seal({ event }: WatchEvent): void {
  if (event.case !== "upsert" && event.case !== "delete") return;
  const { resource } = event.value;
  if (resource?.data !== undefined) resource.data = anyPack(AnySchema, resource.data);
}
