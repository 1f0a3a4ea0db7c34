import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import {
  createFormation,
  createRaftNode,
  type DataDirectory,
  ensureIdentity,
  formCluster,
  type NodeClock,
  type PeerNetwork,
  type StateMachine,
} from "@trellis/raft-node";
import { openNodeDisk } from "@trellis/wal";

const clock: NodeClock = {
  monotonic: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
  nextTurn(callback) {
    setImmediate(callback);
  },
};
const random = Math.random;
// One member talks to nobody; members of a larger cluster have `createConnectPeers`.
const network: PeerNetwork = {
  start: () => undefined,
  setMembers: () => undefined,
  send: () => undefined,
  sendSnapshot: () => Promise.reject(new Error("there is nobody to send it to")),
  stop: async () => undefined,
};

// The state machine: it adds numbers up. Its entries begin with its kind, 2; what follows is one byte, the number.
let total = 0;
const counter: StateMachine = {
  kind: 2,
  apply: (command) => (total += command[0] ?? 0),
  reached: () => undefined,
  approximateBytes: 8,
  capture() {
    const taken = total;
    return {
      async *chunks() {
        yield new TextEncoder().encode(String(taken));
      },
    };
  },
  async restore(chunks) {
    let text = "";
    for await (const chunk of chunks) text += new TextDecoder().decode(chunk);
    return { install: () => (total = Number(text)) };
  },
};

const folder = process.argv[2] ?? (await mkdtemp(join(tmpdir(), "counter-")));
const data: DataDirectory = {
  description: folder,
  identity: await openNodeDisk(join(folder, "identity")),
  wal: await openNodeDisk(join(folder, "wal")),
  snapshots: await openNodeDisk(join(folder, "snapshots")),
};

const { nodeId, clusterId } = await ensureIdentity(data, random);
if (clusterId === undefined) {
  // Every first member begins with the same snapshot; here the counter is at nothing.
  const formation = createFormation([{ id: nodeId, name: "one", address: "localhost:7511" }], 1, random);
  await formCluster(
    data,
    formation,
    async function* () {
      yield { kind: counter.kind, bytes: new TextEncoder().encode("0") };
    },
    random,
  );
}

const node = await createRaftNode({ clock, random, data, network, machines: [counter] });
await new Promise<void>((resolve) => {
  const look = (): void => {
    if (node.status().role === "leader") resolve();
  };
  node.onChange(look);
  look();
});
await node.confirmRead();
console.log(`it was ${total}`);
const { index, result } = await node.propose(Uint8Array.of(counter.kind, 5));
console.log(`entry ${index} made it ${String(result)}`);
await node.takeSnapshot();
await node.stop();
