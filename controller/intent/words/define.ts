import type { TSchema } from "typebox";
import type { IntentQuestion, IntentRefusal } from "../../../schemas/intent.ts";
import type { Known, KnownHost } from "../known.ts";

/** A sentence's clause, taken apart by the grammar: what is left once verb, scope and condition are gone. */
export interface Said {
  /** The verb as the table has it. */
  readonly verb: string;
  /** The words of the object, lower case, without articles and the nouns "service", "package". */
  readonly object: readonly string[];
  /** Every word of the clause, lower case and without accents. */
  readonly words: readonly string[];
  /** What stands after "to", "auf", "a" or "=", as it was written. */
  readonly value?: string | undefined;
  readonly domains: readonly string[];
  readonly paths: readonly string[];
  /** Whether the clause speaks of hosts where the object should stand: "update all servers". */
  readonly objectIsHosts: boolean;
  readonly known: Known;
}

export type Params = Readonly<Record<string, unknown>>;

/** What an action makes of a clause. */
export type Reading =
  | { readonly params: Params; readonly notes?: readonly string[] }
  | { readonly question: IntentQuestion }
  | { readonly refusal: IntentRefusal };

/** One thing wanted on some hosts, in the words of a kind: the desired state that a resource has to say. */
export interface Wish {
  readonly kind: string;
  /** What the kind claims on a host, such as `unit:nginx.service`: the resource that already claims it is changed, else a new one is made. */
  readonly claim: string;
  readonly hosts: readonly string[];
  /** Name of a new resource, made unique and a DNS label later. */
  readonly name: string;
  /** Fields of a new resource that say what it is about. */
  readonly identity: Params;
  /** Fields to set; null removes one. Objects are merged key by key. */
  readonly set: Params;
  /** Fields that a new resource gets beside, which nobody asked for: named as defaults in the confirmation. */
  readonly defaults?: Params | undefined;
  /** A moment, such as a restart, that says nothing about how the host should be afterwards. */
  readonly momentary: boolean;
  /** Why a resource that is there cannot take the fields. */
  conflict?(spec: Params): string | undefined;
}

export type Expansion =
  | { readonly wishes: readonly Wish[]; readonly skipped: readonly { readonly host: string; readonly reason: string }[] }
  | { readonly question: IntentQuestion }
  | { readonly refusal: IntentRefusal };

/** One action that a kind can be asked for in words: how people say it, what it takes, and which desired state it means. */
export interface ActionWords {
  readonly action: string;
  /** One sentence for the catalogue that Claude and people read. */
  readonly summary: string;
  /** A closed object; what Claude proposes is checked against it. */
  readonly params: TSchema;
  /** Verbs in English, German and Spanish, without accents; `…` stands for any words between two parts. */
  readonly verbs: { readonly en: readonly string[]; readonly de: readonly string[]; readonly es: readonly string[] };
  /** Why it destroys something or weakens protection: then one host has to be named. */
  grave?(params: Params): string | undefined;
  /** The parameters in a clause; undefined: this action is not meant. */
  read(said: Said): Reading | undefined;
  /** Hosts to choose from where the sentence names none. */
  home(params: Params, known: Known): readonly KnownHost[];
  /** The desired state; `now` is RFC 3339. Pure. */
  expand(params: Params, hosts: readonly KnownHost[], now: string, known: Known): Expansion;
}

export const refusal = (reason: IntentRefusal["reason"], text: string): { readonly refusal: IntentRefusal } => ({
  refusal: { reason, text },
});

export const question = (
  text: string,
  candidates: IntentQuestion["candidates"] = [],
  phrase?: string,
): { readonly question: IntentQuestion } => ({
  question: { text, candidates: candidates.slice(0, 20), ...(phrase === undefined ? {} : { phrase }) },
});
