import type { Message } from "@trellis/raft";
import { Member } from "./member.ts";

/** A Raft group in one process, with a network that delivers everything in order and at once. */
export class Group {
  readonly #members: readonly Member[];
  #underWay: Message[] = [];
  /** Messages that were given to a core. */
  steps = 0;

  constructor(size: number, options: { readonly asyncStorageWrites: boolean }) {
    const voters = Array.from({ length: size }, (_, at) => at + 1);
    this.#members = voters.map((id) => new Member({ ...options, id, voters }));
    this.leader.core.campaign();
    this.settle();
    const { role } = this.leader.core.status().softState;
    if (role !== "leader") throw new Error(`expected node 1 to lead after its campaign, it is ${role}`);
  }

  /** Node 1, which is elected at the start and stays leader. */
  get leader(): Member {
    const [first] = this.#members;
    if (first === undefined) throw new Error("a group has at least one member");
    return first;
  }

  /** True when all members have applied the same. */
  get isEqual(): boolean {
    return this.#members.every(({ applied }) => applied === this.leader.applied);
  }

  /** Goes on until nobody has anything to do: in rounds, since what nodes do in one round they do at the same time. */
  settle(): void {
    for (let isQuiet = false; !isQuiet;) {
      isQuiet = true;
      for (const member of this.#members) {
        if (!member.core.hasReady()) continue;
        isQuiet = false;
        for (const message of member.work()) this.#underWay.push(message);
      }
      const messages = this.#underWay;
      this.#underWay = [];
      for (const message of messages) {
        isQuiet = false;
        this.steps++;
        this.#members[message.to - 1]?.core.step(message);
      }
    }
  }
}
