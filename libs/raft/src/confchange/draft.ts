import type { NodeId } from "../numbers.ts";
import type { Configuration } from "../tracker/configuration.ts";
import type { Progress } from "../tracker/progress.ts";

/** A configuration while it is being changed: copies of all sets and of every progress. */
export class Draft {
  readonly incoming: Set<NodeId>;
  outgoing: Set<NodeId>;
  readonly learners: Set<NodeId>;
  learnersNext: Set<NodeId>;
  autoLeave: boolean;
  readonly progress = new Map<NodeId, Progress>();

  constructor(configuration: Configuration, progress: ReadonlyMap<NodeId, Progress>) {
    this.incoming = new Set(configuration.voters.incoming);
    this.outgoing = new Set(configuration.voters.outgoing);
    this.learners = new Set(configuration.learners);
    this.learnersNext = new Set(configuration.learnersNext);
    this.autoLeave = configuration.autoLeave;
    for (const [id, of] of progress) this.progress.set(id, of.clone());
  }

  /** Takes a member out; a voter of the outgoing half keeps its progress until that half is gone. */
  remove(id: NodeId): void {
    this.incoming.delete(id);
    this.learners.delete(id);
    this.learnersNext.delete(id);
    if (!this.outgoing.has(id)) this.progress.delete(id);
  }

  configuration(): Configuration {
    return {
      voters: { incoming: this.incoming, outgoing: this.outgoing },
      learners: this.learners,
      learnersNext: this.learnersNext,
      autoLeave: this.autoLeave,
    };
  }
}
