import { crc32 } from "node:zlib";

import type { PreparedState, StateCapture, StateMachine } from "@trellis/raft-node";

import type { Safety } from "./safety.ts";

/** The state is looked at after every entry whose index is a multiple of this. */
const LOOK_EVERY = 32;

/** Puts checks around a state machine: what is applied where, and what states that leads to. */
export function observedMachine(machine: StateMachine, node: number, safety: Safety): StateMachine {
  const look = (index: number): void => {
    void checksum(machine.capture()).then((sum) => safety.state(node, index, sum));
  };
  let last = 0;
  return {
    kind: machine.kind,
    apply(command, index, own) {
      if (index <= last) safety.report(`${node} applies entry ${index} after entry ${last}`);
      last = index;
      safety.applied(node, index, command);
      const result = machine.apply(command, index, own);
      if (index % LOOK_EVERY === 0) look(index);
      return result;
    },
    reached: (index) => machine.reached(index),
    get approximateBytes() {
      return machine.approximateBytes;
    },
    capture: () => machine.capture(),
    async restore(chunks, index): Promise<PreparedState> {
      const prepared = await machine.restore(chunks, index);
      return {
        install() {
          prepared.install();
          last = index;
          if (index % LOOK_EVERY === 0) look(index);
        },
      };
    },
  };
}

async function checksum(capture: StateCapture): Promise<number> {
  let sum = 0;
  for await (const chunk of capture.chunks()) sum = crc32(chunk, sum);
  return sum;
}
