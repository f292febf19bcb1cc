import type { IntentQuestion, IntentRefusal } from "../../../schemas/intent.ts";
import type { Selector } from "../../../schemas/selector.ts";

/** What the words of a scope mean. `names`: hosts that are named one by one; `onlyNames`: nothing else is said; `all`: it says all, every, each. */
export interface Scope {
  readonly selector: Selector;
  readonly names: readonly string[];
  readonly excluded: readonly string[];
  readonly onlyNames: boolean;
  readonly all: boolean;
  /** One host is meant: "the download server". */
  readonly singular: boolean;
  readonly notes: readonly string[];
}

/** A scope, a question back, a refusal, or that nothing was said of where. */
export type Scoped =
  | { readonly scope: Scope }
  | { readonly question: IntentQuestion }
  | { readonly refusal: IntentRefusal }
  | { readonly nothing: true };

/** Every host, since nothing else was said. */
export const everything: Scope = {
  selector: { op: "all" },
  names: [],
  excluded: [],
  onlyNames: false,
  all: true,
  singular: false,
  notes: [],
};

/** What stands between two "and": hosts and filters; `noun`: it says servers, containers … itself. */
export interface Group {
  readonly parts: Selector[];
  readonly filters: Selector[];
  kind?: Selector;
  noun: boolean;
}

/** What was read of a scope so far. */
export interface Draft {
  readonly groups: Group[];
  group: Group;
  readonly names: string[];
  readonly notes: string[];
  all: boolean;
  singular: boolean;
  plural: boolean;
  /** The words that were looked up last: what an answer to a question explains. */
  phrase?: string;
}

/** A group with nothing in it. */
export const newGroup = (): Group => ({ parts: [], filters: [], noun: false });
/** Whether nothing was said of it yet. */
export const isEmpty = (group: Group): boolean => group.parts.length + group.filters.length === 0 && group.kind === undefined;
