import type { World } from "./world.ts";

/** The longest that a timer is set for, in milliseconds: clocks are put right, and machines sleep. */
const longestMs = 600_000;

/** Moments that manifests name and that lie ahead: until a `restartedAt` or `upgradedAt` comes it asks for nothing, and when a policy's drift mode ends everything is judged anew. */
export interface Moments {
  /** Sets the timers for resources that are new or changed, and for the policies in force. */
  set(resources: Iterable<string>): void;
  /** One of them may have come. */
  come(resource: string): void;
}

interface MomentOptions {
  readonly world: World;
  readonly addAfter: (key: `moment ${string}`, ms: number) => void;
  readonly settle: (ids: Iterable<string>) => void;
  readonly now: () => number;
}

export function createMoments({ world, addAfter, settle, now }: MomentOptions): Moments {
  const wait = (id: string, at: number): void => {
    if (at > now()) addAfter(`moment ${id}`, Math.min(at - now(), longestMs));
  };
  const ofResource = (id: string): number[] => {
    const spec = world.desired.resources.get(id)?.resource.spec;
    return [spec?.["restartedAt"], spec?.["upgradedAt"]].flatMap((text) => (typeof text === "string" ? Date.parse(text) : []));
  };
  const ofPolicies = (): number[] => world.policies.flatMap((policy) => policy.drift?.until ?? []);
  return {
    set(resources) {
      for (const id of resources) for (const at of ofResource(id)) wait(id, at);
      for (const at of ofPolicies()) wait("drift", at);
    },
    come(id) {
      for (const at of id === "drift" ? ofPolicies() : ofResource(id)) wait(id, at);
      const ids = id === "drift" ? [...world.open()].map((one) => one.id) : (world.desired.byResource.get(id) ?? []).map((one) => one.id);
      world.reassess(ids);
      settle(ids);
    },
  };
}
