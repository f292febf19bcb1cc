import { error, type Problem } from "../../schemas/problem.ts";
import type { KindTable } from "../kinds/define.ts";
import type { Instance, LoadedResource } from "./model.ts";

/** What the desired instances of each host own alone (a unit, a file, a package), kept as they come and go. */
export interface Claimed {
  /** Whether an instance of the host owns it. */
  has(host: string, claim: string): boolean;
  /** Two resources that would own the same thing on one host: one problem for each pair of resources, with both places; the same for every order. */
  conflicts(): Problem[];
}

/** The owners of a claim on a host: nearly always one. */
type Owners = LoadedResource | LoadedResource[];

export class Claims implements Claimed {
  readonly #kinds: KindTable;
  readonly #owners = new Map<string, Map<string, Owners>>();
  /** Claims that several resources make, by host. */
  readonly #twice = new Map<string, Set<string>>();
  readonly #of = new WeakMap<LoadedResource, readonly string[]>();

  constructor(kinds: KindTable) {
    this.#kinds = kinds;
  }

  add({ resource, host }: Pick<Instance, "resource" | "host">): void {
    let here = this.#owners.get(host);
    if (here === undefined) this.#owners.set(host, (here = new Map()));
    for (const claim of this.#claimsOf(resource)) {
      const owners = here.get(claim);
      if (owners === undefined) here.set(claim, resource);
      else if (!listed(owners).includes(resource)) this.#set(host, here, claim, [...listed(owners), resource]);
    }
  }

  remove({ resource, host }: Pick<Instance, "resource" | "host">): void {
    const here = this.#owners.get(host);
    if (here === undefined) return;
    for (const claim of this.#claimsOf(resource)) {
      const owners = here.get(claim);
      if (owners === resource) here.delete(claim);
      else if (Array.isArray(owners))
        this.#set(
          host,
          here,
          claim,
          owners.filter((other) => other !== resource),
        );
    }
    if (here.size === 0) this.#owners.delete(host);
  }

  has(host: string, claim: string): boolean {
    return this.#owners.get(host)?.has(claim) === true;
  }

  conflicts(): Problem[] {
    const found = new Map<string, Conflict>();
    for (const [host, claims] of this.#twice)
      for (const claim of claims) {
        const [first, ...others] = listed(this.#owners.get(host)!.get(claim)!).toSorted((a, b) => (a.id < b.id ? -1 : 1));
        for (const second of others) {
          const key = `${first!.id} ${second.id}`,
            known = found.get(key);
          if (known === undefined || host < known.host || (host === known.host && claim < known.claim))
            found.set(key, { first: first!, second, host, claim });
        }
      }
    return [...found.keys()].sort().map((key) => problemOf(found.get(key)!));
  }

  #claimsOf(resource: LoadedResource): readonly string[] {
    let claims = this.#of.get(resource);
    if (claims === undefined) {
      const kind = this.#kinds.get(resource.kind);
      this.#of.set(resource, (claims = kind?.scope === "hosts" ? kind.claims(resource.resource.spec) : []));
    }
    return claims;
  }

  #set(host: string, here: Map<string, Owners>, claim: string, owners: readonly LoadedResource[]): void {
    const [only, ...others] = owners;
    if (only === undefined) here.delete(claim);
    else here.set(claim, others.length === 0 ? only : [...owners]);
    let twice = this.#twice.get(host);
    if (others.length > 0) {
      if (twice === undefined) this.#twice.set(host, (twice = new Set()));
      twice.add(claim);
    } else if (twice?.delete(claim) === true && twice.size === 0) this.#twice.delete(host);
  }
}

interface Conflict {
  readonly first: LoadedResource;
  readonly second: LoadedResource;
  readonly host: string;
  readonly claim: string;
}

const listed = (owners: Owners): readonly LoadedResource[] => (Array.isArray(owners) ? owners : [owners]);

function problemOf({ first, second, host, claim }: Conflict): Problem {
  const { file, line } = first.where(),
    [what, name] = [claim.slice(0, claim.indexOf(":")), claim.slice(claim.indexOf(":") + 1)];
  return error("manifest/claimed-twice", `${first.id} and ${second.id} both set the ${what} ${name} on ${host}`, {
    detail: `${first.id} is declared at ${[file, line].filter((part) => part !== undefined).join(":")}`,
    where: second.where("spec.on"),
    hint: "Let their selectors pick different hosts, or keep one of the two.",
  });
}
