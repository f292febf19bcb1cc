import type { CheckContext } from "../kinds/define.ts";

/** One thing that a check looked at, and what it saw. */
export type Observed =
  | { readonly what: "file" | "nearestFile"; readonly name: string; readonly saw: string | undefined }
  | { readonly what: "fileExists" | "secretExists"; readonly name: string; readonly saw: boolean };

/** A context that writes down what is looked at. */
export interface TracedContext {
  readonly context: CheckContext;
  /** What was looked at since it was asked last. */
  take(): readonly Observed[];
}

const nothing: readonly Observed[] = [];

export function tracedContext(context: CheckContext): TracedContext {
  let observed: Observed[] = [];
  const text = (what: "file" | "nearestFile") => (name: string) => {
    const saw = context[what](name);
    observed.push({ what, name, saw });
    return saw;
  };
  const truth = (what: "fileExists" | "secretExists") => (name: string) => {
    const saw = context[what](name);
    observed.push({ what, name, saw });
    return saw;
  };
  return {
    context: { file: text("file"), nearestFile: text("nearestFile"), fileExists: truth("fileExists"), secretExists: truth("secretExists") },
    take() {
      if (observed.length === 0) return nothing;
      const taken = observed;
      observed = [];
      return taken;
    },
  };
}

export const stillHolds = ({ what, name, saw }: Observed, context: CheckContext): boolean => context[what](name) === saw;

/** A context that asks for each thing once: many resources look at the same files. */
export function rememberedContext(context: CheckContext): CheckContext {
  const once = <T>(ask: (name: string) => T): ((name: string) => T) => {
    const known = new Map<string, T>();
    return (name) => {
      if (!known.has(name)) known.set(name, ask(name));
      return known.get(name) as T;
    };
  };
  return {
    file: once((name) => context.file(name)),
    nearestFile: once((name) => context.nearestFile(name)),
    fileExists: once((name) => context.fileExists(name)),
    secretExists: once((name) => context.secretExists(name)),
  };
}
