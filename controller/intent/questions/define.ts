import type { Intent, QuestionName } from "../../../schemas/intent.ts";
import type { Params } from "../words/define.ts";
import type { KnownHost } from "../known.ts";
import type { Token } from "../grammar/tokens.ts";
import type { Reader } from "../reader.ts";

/** How a question was recognised: its parameters, and the places of the words that made it one. */
export interface Heard {
  readonly params: Params;
  readonly used: ReadonlySet<number>;
}

/** What a question found: text for people, data for programs.*/
export interface Answer {
  readonly text: string;
  readonly data: unknown;
  readonly resources: readonly string[];
  readonly value?: number | string | undefined;
  /** A change that would help, for the person to ask for. */
  readonly proposal?: Pick<Intent, "steps"> | undefined;
}

/** One kind of question: how people ask it, and how it is answered. Reading changes nothing. */
export interface Asking {
  readonly ask: QuestionName;
  readonly summary: string;
  /** Whether the words are this question; tried in the order of the table. */
  hear(tokens: readonly Token[]): Heard | undefined;
  answer(params: Params, hosts: readonly KnownHost[], reader: Reader): Promise<Answer>;
}
