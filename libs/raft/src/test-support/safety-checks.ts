import type { Entry } from "../entry.ts";
import type { Message } from "../message.ts";
import type { LogIndex, NodeId, Term } from "../numbers.ts";
import type { SimulatedNode } from "./simulated-node.ts";

/** What was seen to be committed first. */
interface Committed {
  readonly entry: Entry;
  /** The term of the node that knew it first: the entry was committed in this term or an earlier one. */
  readonly knownInTerm: Term;
}

/** The safety properties of the paper's figure 3, held against everything that happens. Throws at the first violation. */
export class SafetyChecks {
  readonly #leaders = new Map<Term, NodeId>();
  readonly #votes = new Map<string, NodeId>();
  /** Per index and term: the term before it, and the content. */
  readonly #entries = new Map<string, string>();
  readonly #committed = new Map<LogIndex, Committed>();
  highestCommitted: LogIndex = 0;
  /** Per value, the index at which it was applied. */
  readonly indexOfValue = new Map<string, LogIndex>();

  /** Election safety: at most one leader in a term; and its log has all that was committed before (leader completeness). */
  leaderSeen(
    node: SimulatedNode,
    term: Term,
    termAt: (index: LogIndex) => Term | undefined,
    firstIndex: LogIndex,
  ): void {
    const known = this.#leaders.get(term);
    if (known !== undefined && known !== node.id) fail(`${known} and ${node.id} lead term ${term}`);
    if (known !== undefined) return;
    this.#leaders.set(term, node.id);
    for (const [index, { entry, knownInTerm }] of this.#committed) {
      if (knownInTerm >= term || index < firstIndex) continue;
      if (termAt(index) !== entry.term)
        fail(`the leader ${node.id} of term ${term} lacks ${entry.term}/${index}`);
    }
  }

  /** One vote per node and term, over all restarts. */
  sent({ type, from, to, term, reject }: Message): void {
    const isVote = (type === "MsgVoteResp" && !reject) || type === "MsgVote";
    if (!isVote) return;
    const votedFor = type === "MsgVote" ? from : to;
    const key = `${from} in ${term}`;
    const known = this.#votes.get(key);
    if (known !== undefined && known !== votedFor)
      fail(`${from} voted for ${known} and ${votedFor} in term ${term}`);
    this.#votes.set(key, votedFor);
  }

  /** Log matching: the same index and term mean the same entry, and the same one before it. */
  appended(entries: readonly Entry[], termBefore: Term | undefined): void {
    let before = termBefore;
    for (const { index, term, type, data } of entries) {
      const content = `after ${before ?? "?"}: ${type} ${new TextDecoder().decode(data)}`;
      const known = this.#entries.get(`${term}/${index}`);
      if (before !== undefined && known !== undefined && known !== content) {
        fail(`${term}/${index} is "${known}" and "${content}"`);
      }
      if (before !== undefined) this.#entries.set(`${term}/${index}`, content);
      before = term;
    }
  }

  /** State machine safety: what is applied at an index is the same everywhere. */
  applied(node: SimulatedNode, entry: Entry): void {
    const known = this.#committed.get(entry.index);
    const value = new TextDecoder().decode(entry.data);
    if (known === undefined) {
      this.#committed.set(entry.index, { entry, knownInTerm: node.core.hardState().term });
      this.highestCommitted = Math.max(this.highestCommitted, entry.index);
      if (entry.type === "EntryNormal" && value !== "") this.indexOfValue.set(value, entry.index);
      return;
    }
    if (known.entry.term !== entry.term || new TextDecoder().decode(known.entry.data) !== value) {
      fail(
        `node ${node.id} applies ${entry.term}/${entry.index} where another was applied in term ${known.entry.term}`,
      );
    }
  }
}

/** The answers of reads, held against real time: a read sees all that was answered before it was asked. */
export class ReadChecks {
  /** Per read, the highest index of any answer given before it was asked. */
  readonly #floors = new Map<string, LogIndex>();
  #highestAnswered: LogIndex = 0;
  answers = 0;

  asked(context: string): void {
    this.#floors.set(context, this.#highestAnswered);
  }

  /** A write at this index was answered, or a read that saw as much. */
  answered(index: LogIndex): void {
    this.#highestAnswered = Math.max(this.#highestAnswered, index);
  }

  served(context: string, index: LogIndex): void {
    const floor = this.#floors.get(context);
    if (floor === undefined) fail(`the read ${context} was never asked for`);
    if (index < floor)
      fail(`the read ${context} saw ${index}, although ${floor} was answered before it was asked`);
    // A request that the network duplicated is answered twice; each answer must be as good as the first.
    this.answers++;
    this.answered(index);
  }
}

function fail(message: string): never {
  throw new Error(`unsafe: ${message}`);
}
