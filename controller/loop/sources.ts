import { createHash } from "node:crypto";
import type { LoadedResource, SourceFile } from "../core/model.ts";
import type { Part } from "../core/parts.ts";

/** Resources whose digest covers the files and secrets that they name: when one of these changes, what is wanted changes. */
export interface Sources {
  /** Says what the named files and secrets hold from now on; `basis` is the same object as long as none of them changed. */
  with(
    files: ReadonlyMap<string, SourceFile>,
    sealed: (ref: string) => string | undefined,
    basis: object,
  ): {
    /** The part with such digests; the same object as long as it says the same. */
    digested(part: Part): Part;
  };
}

interface Named {
  readonly key: "source" | "secretRef";
  readonly value: string;
}

interface KnownPart {
  readonly part: Part;
  readonly basis: object;
}

export function createSources(): Sources {
  const parts = new WeakMap<Part, KnownPart>(),
    named = new WeakMap<LoadedResource, readonly Named[]>(),
    results = new WeakMap<LoadedResource, { readonly state: string; readonly result: LoadedResource }>();
  const namedBy = (resource: LoadedResource): readonly Named[] => {
    let known = named.get(resource);
    if (known === undefined) named.set(resource, (known = sourcesOf(resource.resource.spec)));
    return known;
  };
  return {
    with(files, sealed, basis) {
      const stateOf = ({ key, value }: Named): string => `\0${value}\0${(key === "source" ? files.get(value)?.blob : sealed(value)) ?? ""}`;
      const digested = (resource: LoadedResource): LoadedResource => {
        const names = namedBy(resource);
        if (names.length === 0) return resource;
        const state = names.map(stateOf).join(""),
          known = results.get(resource);
        if (known?.state === state) return known.result;
        const digest = createHash("sha256").update(resource.digest).update(state).digest("hex"),
          result = { ...resource, digest };
        results.set(resource, { state, result });
        return result;
      };
      return {
        digested(part) {
          const known = parts.get(part);
          if (known?.basis === basis) return known.part;
          const next = part.map(digested);
          const same = [known?.part ?? part, part].find((other) => next.every((one, at) => one === other[at])) ?? next;
          parts.set(part, { part: same, basis });
          return same;
        },
      };
    },
  };
}

function sourcesOf(value: unknown): Named[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) =>
    (key === "source" || key === "secretRef") && typeof item === "string" ? [{ key, value: item } as const] : sourcesOf(item),
  );
}
