import type { ListOptions, ListResult, OwnerQuery, TypeQuery } from "../backend.ts";
import type { EndedBy } from "../call-signal.ts";
import { StorageError } from "../errors.ts";

/** Asks for as many records of a list as one answer carries. */
export type ListPage = (query: TypeQuery | OwnerQuery, options: EndedBy<ListOptions>) => Promise<ListResult>;

/**
 * A whole list, however many answers it takes: those after the first show the same version. Rejects as `page`, and with `unavailable` when a page brings
 * nothing and says that more follow, which would go on without end.
 */
export async function listPages(
  page: ListPage,
  query: TypeQuery | OwnerQuery,
  options: EndedBy<ListOptions>,
): Promise<ListResult> {
  const { limit, signal } = options;
  const { records: first, more: isMore, position } = await page(query, options);
  const records = [...first];
  let more = isMore;
  let last = first.at(-1);
  while (more && (limit === undefined || records.length < limit)) {
    if (last === undefined) {
      throw new StorageError(
        "unavailable",
        "expected a page of a list to have records when more follow, found none; ask another server",
      );
    }
    const rest = await page(query, {
      signal,
      atVersion: position.version,
      after: last.key,
      ...(limit !== undefined && { limit: limit - records.length }),
    });
    for (const record of rest.records) records.push(record);
    last = rest.records.at(-1);
    ({ more } = rest);
  }
  return { records, more, position };
}
