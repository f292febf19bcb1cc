/** A commit whose manifests had no problem; it stays in force until the next one. */
export interface GoodCommit {
  readonly branch: string;
  readonly commit: string;
  readonly at: number;
}

/** An instance that was seen in sync with a resource of this digest. */
export interface Synced {
  readonly instance: string;
  readonly digest: string;
  readonly at: number;
}

/** An instance whose change was rolled back: left alone until its resource has another digest. */
export interface Held extends Synced {
  readonly reason: string;
}

/** A resource in which untrusted text had a say, with the digests that it had then; none: it is forgotten. */
export interface TaintedResource {
  readonly id: string;
  readonly digests: readonly string[];
}

/** What the loop remembers about the desired state across restarts. */
export interface DesiredStore {
  goodCommit(branch: string): Promise<GoodCommit | undefined>;
  setGoodCommit(good: GoodCommit): Promise<void>;

  synced(): Promise<readonly Synced[]>;
  setSynced(synced: readonly Synced[]): Promise<void>;
  held(): Promise<readonly Held[]>;
  hold(held: Held): Promise<void>;
  release(instances: readonly string[]): Promise<void>;
  /** Forgets all of instances that are no more: synced, held, corrections. */
  forget(instances: readonly string[]): Promise<void>;

  tainted(): Promise<readonly TaintedResource[]>;
  setTainted(resources: readonly TaintedResource[]): Promise<void>;

  /** Notes an automatic correction, and forgets those more than an hour before `at`. */
  noteCorrection(instance: string, at: number): Promise<void>;
  /** Times of corrections after `since`, by instance. */
  corrections(since: number): Promise<ReadonlyMap<string, readonly number[]>>;
}
