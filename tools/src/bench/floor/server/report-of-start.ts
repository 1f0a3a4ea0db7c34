/** What the process of a server tells its parent once it has begun, or why it cannot. */
export type ReportOfStart = { readonly url: string } | { readonly failure: string };
