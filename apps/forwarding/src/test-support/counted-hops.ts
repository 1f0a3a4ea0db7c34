import { createServer, type Part, silentLog } from "@trellis/server";
import { systemClock } from "@trellis/resource";
import { connectStorage, type StorageConnection, storageLinks } from "@trellis/storage/wire";

const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;
export const nextTurn = (callback: () => void): void => void setImmediate(callback);

/** What crossed one hop. */
export class Hop {
  /** Unary calls: none belongs to a request. */
  unary = 0;
  /** Messages on streams of calls, there and back, but for those that only tell a status. */
  there = 0;
  back = 0;

  reset(): void {
    this.unary = 0;
    this.there = 0;
    this.back = 0;
  }

  /** Links whose messages are counted here. */
  links(client: string) {
    return storageLinks(
      { clock: systemClock, nextTurn, connect: (address) => this.#counted(connectStorage(address)) },
      { client },
    );
  }

  #counted(connection: StorageConnection): StorageConnection {
    const { transport } = connection;
    return {
      close: () => connection.close(),
      transport: {
        unary: async (...call) => {
          this.unary++;
          return await transport.unary(...call);
        },
        stream: async (method, signal, timeoutMs, header, input, contextValues) => {
          const counted = each(input as AsyncIterable<Said>, (said) => {
            this.there += isOfCalls(said) ? 1 : 0;
          });
          const response = await transport.stream(
            method,
            signal,
            timeoutMs,
            header,
            counted as typeof input,
            contextValues,
          );
          const message = each(response.message as AsyncIterable<Said>, (said) => {
            this.back += isOfCalls(said) ? 1 : 0;
          });
          return { ...response, message: message as typeof response.message };
        },
      },
    };
  }
}

/** A message, as far as it is looked at: calls there, answers back. */
interface Said {
  readonly calls?: readonly unknown[];
  readonly answers?: readonly unknown[];
}

function isOfCalls({ calls = [], answers = [] }: Said): boolean {
  return calls.length > 0 || answers.length > 0;
}

async function* each<M>(messages: AsyncIterable<M>, look: (message: M) => void): AsyncGenerator<M> {
  for await (const message of messages) {
    look(message);
    yield message;
  }
}

/** A part on a free port of the loopback, as an app serves it. */
export async function served(part: Part): Promise<{ readonly address: string; stop(): Promise<void> }> {
  const server = createServer({
    parts: [part],
    config: { listen: { host: "127.0.0.1", port: 0 }, limits: { maxRequestBytes: MAX_MESSAGE_BYTES } },
    log: silentLog,
    clock: systemClock,
  });
  const { address } = await server.start();
  return { address, stop: () => server.stop() };
}
