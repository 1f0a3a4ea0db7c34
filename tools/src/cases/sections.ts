/** A section of numbered cases: `T044` to `T056`. The letter tells the two specifications apart, whose numbers overlap. */
export interface Section {
  readonly letter: string;
  readonly first: number;
  readonly last: number;
  readonly title: string;
}

const of =
  (letter: string) =>
  (first: number, last: number, title: string): Section => ({ letter, first, last, title });
const t = of("T");
const c = of("C");

/** The sections of the resource service's specification (T) and of the controllers and clients (C) that have numbered cases, in their order. */
export const sections: readonly Section[] = [
  t(1, 12, "Read: requests that are refused"),
  t(13, 43, "Read"),
  t(44, 56, "Write and MutateAndValidate: requests that are refused"),
  t(57, 65, "Write and MutateAndValidate: owners that are refused"),
  t(66, 73, "Write and MutateAndValidate: tenancy by default"),
  t(74, 79, "Write and MutateAndValidate: tenancy missing or marked"),
  t(80, 85, "MutateAndValidate"),
  t(86, 122, "Write"),
  t(123, 128, "Write: the removal of finalizers"),
  t(129, 148, "Write: the metadata of a deletion"),
  t(149, 175, "WriteStatus: requests that are refused"),
  t(176, 198, "WriteStatus"),
  t(199, 206, "List: requests that are refused"),
  t(207, 231, "List"),
  t(232, 244, "ListByOwner: requests that are refused"),
  t(245, 264, "ListByOwner"),
  t(265, 276, "Delete: requests that are refused"),
  t(277, 306, "Delete"),
  t(307, 315, "WatchList: requests that are refused"),
  t(316, 343, "WatchList"),
  t(344, 376, "Registry"),
  t(377, 394, "Hooks"),
  t(395, 414, "Tenancy by default"),
  t(415, 421, "Typed decoding"),
  t(422, 428, "Finalizers"),
  t(429, 443, "References, order, errors"),
  t(444, 495, "Equality"),
  t(496, 503, "Tombstones and the reaper"),
  t(504, 506, "Demo controller"),
  t(507, 527, "HTTP: the routes"),
  t(528, 559, "What storage must do"),
  t(560, 570, "Bidirectional mapper"),
  c(1, 21, "Controllers"),
  c(22, 23, "Controllers: the queue"),
  c(24, 29, "Controllers: the supervisor"),
  c(30, 33, "Controllers: dependencies"),
  c(34, 56, "Cache: types, indexes, queries"),
  c(57, 69, "Cache: the store of a type, errors"),
  c(70, 75, "Cache: what a controller wrote itself"),
  c(76, 87, "Cache: nobody changes what is in it"),
  c(88, 111, "Cache: decoded reads"),
  c(112, 145, "Cache: keys and the arguments of queries"),
  c(146, 158, "Cache: indexes"),
  c(159, 173, "Cache: iterators and transactions"),
  c(174, 190, "Cache: indexers"),
  c(191, 220, "Mappers"),
  c(221, 237, "Who looked at what (bimapper)"),
  c(238, 241, "Reaper and demo controller"),
  c(242, 254, "Resource helpers"),
  c(255, 275, "HTTP: requests through a socket"),
  c(276, 284, "CLI: apply"),
  c(285, 292, "CLI: apply over gRPC"),
  c(293, 328, "CLI: read and delete, their arguments"),
  c(329, 334, "CLI: read"),
  c(335, 340, "CLI: delete"),
  c(341, 350, "CLI: list"),
  c(351, 361, "CLI: list over gRPC"),
  c(362, 369, "CLI: input and flag values"),
  c(370, 378, "CLI: connection, environment, flags"),
  c(379, 409, "HCL"),
];

/** `T044`. */
export function caseName(letter: string, number: number): string {
  return `${letter}${String(number).padStart(3, "0")}`;
}

/** The names of a section's cases. */
export function casesOf({ letter, first, last }: Section): readonly string[] {
  return Array.from({ length: last - first + 1 }, (_, offset) => caseName(letter, first + offset));
}

/** The numbers that a test's name begins with or contains (`T103`), ranges written out by hand. */
export function numbersIn(text: string): readonly string[] {
  return text.match(/\b[TC]\d{3}\b/g) ?? [];
}
