/** How long one request may take: as long as a client is ready to wait for an election. */
const DEADLINE_MS = 10_000;

/** A resource of the demo, through one server's REST interface. */
const pathOf = (name: string): string => `/api/demo/v2/album/${name}`;

/** Writes an album. Throws unless it was taken. */
export async function writeAlbum(url: string, name: string, title: string): Promise<void> {
  const response = await fetch(`${url}${pathOf(name)}`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ data: { title } }),
    signal: AbortSignal.timeout(DEADLINE_MS),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${name} was not written at ${url}: ${response.status} ${text}`);
}

/** The title of an album; undefined when there is none. */
export async function readAlbum(url: string, name: string): Promise<string | undefined> {
  const response = await fetch(`${url}${pathOf(name)}`, {
    headers: { "trellis-consistency": "strong" },
    signal: AbortSignal.timeout(DEADLINE_MS),
  });
  const { data } = (await response.json()) as { readonly data?: { readonly title?: string } };
  return data?.title;
}

/** Every album that should be there and is not, or has another title. */
export async function missingAlbums(
  url: string,
  expected: ReadonlyMap<string, string>,
): Promise<readonly string[]> {
  const missing: string[] = [];
  for (const [name, title] of expected) if ((await readAlbum(url, name)) !== title) missing.push(name);
  return missing;
}
