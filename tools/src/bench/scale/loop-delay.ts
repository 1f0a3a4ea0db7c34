import { connect, type Socket } from "node:net";
import { once } from "node:events";

/** The environment variable that names the socket of a server's probe. */
export const LOOP_DELAY_SOCKET = "TRELLIS_BENCH_LOOP_DELAY";

/** Asks a server with the probe of `loop-delay-probe.ts` how long its event loop was kept. */
export class LoopDelay {
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Begins to measure. */
  static async open(path: string): Promise<LoopDelay> {
    const socket = connect(path);
    await once(socket, "connect");
    const delay = new LoopDelay(socket);
    // The first look is of the time before.
    await delay.takeLongestMs();
    return delay;
  }

  /** The longest delay since it was asked last, in milliseconds. */
  async takeLongestMs(): Promise<number> {
    this.#socket.write("?");
    const [answer] = (await once(this.#socket, "data")) as [Buffer];
    return Number(answer.toString("latin1"));
  }

  close(): void {
    this.#socket.destroy();
  }
}
