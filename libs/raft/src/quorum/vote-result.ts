/** Where an election stands: more answers may decide it (`pending`), or it is won or lost whatever still comes. */
export type VoteResult = "pending" | "lost" | "won";
