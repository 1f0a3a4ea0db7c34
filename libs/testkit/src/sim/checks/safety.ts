import { crc32 } from "node:zlib";

import type { LogIndex, Message, NodeId, Term } from "@trellis/raft";

/** Violations beyond which a run is bad enough. */
const MAX_VIOLATIONS = 20;

/** The safety properties of the Raft paper's figure 3, and equal states at equal versions, held against everything that is seen of a cluster. */
export class Safety {
  readonly violations: string[] = [];
  readonly #leaders = new Map<Term, NodeId>();
  readonly #votes = new Map<string, NodeId>();
  /** Per term and index: the term before, and a checksum of the entry. */
  readonly #entries = new Map<string, { readonly before: Term; readonly sum: number }>();
  readonly #applied = new Map<LogIndex, number>();
  readonly #states = new Map<LogIndex, number>();
  #highestApplied: LogIndex = 0;

  report(violation: string): void {
    if (this.violations.length < MAX_VIOLATIONS) this.violations.push(violation);
  }

  /** Another cluster takes the place of the one that was seen: its terms and entries are its own. */
  beginAnew(): void {
    for (const seen of [this.#leaders, this.#votes, this.#entries, this.#applied, this.#states]) seen.clear();
    this.#highestApplied = 0;
  }

  /** Every message, as it is sent. */
  sent(message: Message): void {
    switch (message.type) {
      case "MsgVote":
        this.#voted(message.from, message.term, message.from);
        break;
      case "MsgVoteResp":
        if (!message.reject) this.#voted(message.from, message.term, message.to);
        break;
      case "MsgApp":
        this.#appended(message);
        break;
      default:
    }
  }

  /** Election safety: at most one leader in a term. And leader completeness: the log of a new leader, which ends there, has all that was committed. */
  elected(leader: NodeId, term: Term, lastIndex: LogIndex): void {
    const known = this.#leaders.get(term);
    if (known !== undefined && known !== leader) this.report(`${known} and ${leader} both lead term ${term}`);
    // Who learns only now that it was elected may lack what a leader of a later term has committed meanwhile.
    const isNewest = [...this.#leaders.keys()].every((other) => other <= term);
    if (isNewest && lastIndex < this.#highestApplied) {
      this.report(
        `${leader} leads term ${term} with a log up to ${lastIndex}, although ${this.#highestApplied} was applied`,
      );
    }
    this.#leaders.set(term, leader);
  }

  /** State machine safety: what is applied at an index is the same everywhere, always. */
  applied(node: NodeId, index: LogIndex, command: Uint8Array): void {
    const sum = crc32(command);
    const known = this.#applied.get(index);
    if (known !== undefined && known !== sum) this.report(`${node} applies at ${index} what others did not`);
    this.#applied.set(index, sum);
    this.#highestApplied = Math.max(this.#highestApplied, index);
  }

  /** Equal versions, equal states. */
  state(node: NodeId, index: LogIndex, sum: number): void {
    const known = this.#states.get(index);
    if (known !== undefined && known !== sum)
      this.report(
        `the state of ${node} as of ${index} differs from that of another replica, or of its own before`,
      );
    this.#states.set(index, sum);
  }

  /** One vote per member and term, over all restarts. */
  #voted(voter: NodeId, term: Term, candidate: NodeId): void {
    const key = `${voter} ${term}`;
    const known = this.#votes.get(key);
    if (known !== undefined && known !== candidate)
      this.report(`${voter} voted for ${known} and for ${candidate} in term ${term}`);
    this.#votes.set(key, candidate);
  }

  /** Log matching: index and term name an entry and the one before it. And a leader's log holds what was committed. */
  #appended({ from, term, index, logTerm, entries }: Message): void {
    let before: Term = logTerm;
    // A leader that was deposed, and does not know it, may send on what its successors have not kept.
    const isNewest = [...this.#leaders.keys()].every((other) => other <= term);
    for (const [position, entry] of entries.entries()) {
      const at = index + 1 + position;
      if (entry.index !== at) this.report(`${from} sends entry ${entry.index} in the place of ${at}`);
      const key = `${entry.term} ${at}`;
      const sum = crc32(entry.data);
      const known = this.#entries.get(key);
      if (known === undefined) this.#entries.set(key, { before, sum });
      else if (known.sum !== sum || known.before !== before)
        this.report(`${from} sends another entry ${at} of term ${entry.term} than was sent before`);
      const committed = this.#applied.get(at);
      if (isNewest && committed !== undefined && crc32(entry.data.subarray(1)) !== committed)
        this.report(`${from} sends an entry ${at} of term ${entry.term} that differs from the committed one`);
      before = entry.term;
    }
  }
}
