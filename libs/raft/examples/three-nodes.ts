import { createRaftCore, decodeConfChange, MemoryStorage, type Message } from "@trellis/raft";
import { describeMessage } from "@trellis/raft/script";

const voters = [1, 2, 3];
const confState = { voters, learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };

// Each node has a log, and an application: here a list of words. All start from the same snapshot, which names the members.
const nodes = voters.map((id) => {
  const storage = new MemoryStorage();
  storage.applySnapshot({ data: new Uint8Array(0), metadata: { index: 1, term: 1, confState } });
  const random = (below: number) => Math.floor(Math.random() * below);
  const core = createRaftCore({ id, storage, applied: 1, electionTicks: 10, heartbeatTicks: 1, random });
  return { id, core, storage, words: [] as string[] };
});
const network: Message[] = [];

function handleReady({ core, storage, words }: (typeof nodes)[number]): void {
  const ready = core.ready();
  // 1. Store. A real driver writes all of it in one batch, and waits for the disk when `mustSync` says so.
  if (ready.snapshot !== undefined) storage.applySnapshot(ready.snapshot);
  storage.append(ready.entries);
  if (ready.hardState !== undefined) storage.setHardState(ready.hardState);
  // 2. Send: what these messages promise is stored now.
  network.push(...ready.messages);
  // 3. Apply what is committed.
  for (const entry of ready.committedEntries) {
    const change = decodeConfChange(entry);
    if (change !== undefined) core.applyConfChange(change, entry.index);
    else if (entry.data.length > 0) words.push(new TextDecoder().decode(entry.data));
  }
  // 4. Say that all this is done.
  core.advance();
}

function settle(): void {
  for (;;) {
    const busy = nodes.find(({ core }) => core.hasReady());
    const message = busy === undefined ? network.shift() : undefined;
    if (busy !== undefined) handleReady(busy);
    else if (message === undefined) return;
    else {
      console.log(describeMessage(message));
      nodes[message.to - 1]?.core.step(message);
    }
  }
}

const [first] = nodes;
console.log("Node 1 asks for an election:");
first?.core.campaign();
settle();

console.log("A word is proposed:");
first?.core.propose(new TextEncoder().encode("hello"));
settle();

for (const { id, words } of nodes) console.log(`node ${id} has applied: ${words.join(" ")}`);
