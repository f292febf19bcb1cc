import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { error, ProblemError } from "../../../schemas/problem.ts";
import { asProblem, sqliteCode } from "./problem.ts";

/** How long one transaction may hold up everything else, in milliseconds; what is left over goes into the next one. */
const maxHold = 20;
/** From so many units on a transaction is crowded. */
const crowd = 8;

interface Work {
  readonly run: () => unknown;
  readonly resolve: (value: never) => void;
  readonly reject: (reason: unknown) => void;
}

/** Writes that hold together: all of them or none. */
type Unit = Work[];

/**
 * One connection with prepared statements. Writes that are asked for in the same turn of the event loop share one transaction, and so
 * one fsync; each is undone alone where it fails. A promise resolves after the commit.
 */
export class Database {
  readonly path: string;
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #queue: Unit[] = [];
  #group: Unit | undefined;
  #scheduled = false;
  /** After a crowded transaction the next one waits as long as that one took: others get their turn, and more writes share one fsync. */
  #restUntil = 0;
  #held = false;
  #closed = false;
  #afterCommit: (() => void)[] = [];

  constructor(path: string, db: DatabaseSync) {
    this.path = path;
    this.#db = db;
  }

  sql(text: string): StatementSync {
    let statement = this.#statements.get(text);
    if (statement === undefined) this.#statements.set(text, (statement = this.#db.prepare(text)));
    return statement;
  }

  /** Rows of a query; the caller's type says what its columns are. */
  rows<Row>(text: string, ...values: SQLInputValue[]): Row[] {
    return this.sql(text).all(...values) as Row[];
  }

  row<Row>(text: string, ...values: SQLInputValue[]): Row | undefined {
    return this.sql(text).get(...values) as Row | undefined;
  }

  /** Runs a statement; answers how many rows it changed. */
  run(text: string, ...values: SQLInputValue[]): number {
    return Number(this.sql(text).run(...values).changes);
  }

  async read<T>(work: () => T): Promise<T> {
    if (this.#closed) throw closedProblem(this.path);
    try {
      return work();
    } catch (thrown) {
      throw asProblem(thrown, this.path);
    }
  }

  write<T>(work: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#closed) return reject(closedProblem(this.path));
      const item: Work = { run: work, resolve: resolve as (value: never) => void, reject };
      if (this.#group !== undefined) this.#group.push(item);
      else this.#enqueue([item]);
    });
  }

  /** Every write that `start` begins before it returns is one unit; none of them happens where it throws. */
  together<T>(start: () => T): T {
    const unit: Unit = [];
    this.#group = unit;
    try {
      const started = start();
      if (unit.length > 0) this.#enqueue(unit);
      return started;
    } finally {
      this.#group = undefined;
    }
  }

  /** Called by a write: what to do once it is committed; dropped where it is not. */
  afterCommit(then: () => void): void {
    this.#afterCommit.push(then);
  }

  /** Holds writes back while something else uses the connection in another thread; reads go on. */
  async hold<T>(work: (connection: DatabaseSync) => Promise<T>): Promise<T> {
    this.#held = true;
    try {
      return await work(this.#db);
    } finally {
      this.#held = false;
      if (this.#queue.length > 0) this.#schedule();
    }
  }

  #enqueue(unit: Unit): void {
    this.#queue.push(unit);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#held) return;
    this.#scheduled = true;
    const rest = this.#restUntil - performance.now();
    if (rest > 1) setTimeout(() => this.#flush(), rest);
    else setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#scheduled = false;
    if (this.#held || this.#queue.length === 0) return;
    const taken: Unit[] = [],
      settle: (() => void)[] = [],
      committed: (() => void)[] = [],
      began = performance.now();
    try {
      this.#db.exec("BEGIN IMMEDIATE");
      do {
        const unit = this.#queue.shift() as Unit;
        taken.push(unit);
        committed.push(...this.#runUnit(unit, settle));
      } while (this.#queue.length > 0 && performance.now() - began < maxHold);
      this.#db.exec("COMMIT");
    } catch (thrown) {
      this.#rollBack();
      // Without a transaction there is no reason to try each waiting write in turn: the disk is full for all of them.
      if (taken.length === 0) taken.push(...this.#queue.splice(0));
      settle.splice(0, settle.length, () => taken.flat().forEach((work) => work.reject(asProblem(thrown, this.path))));
      committed.length = 0;
    }
    const ended = performance.now();
    if (taken.length >= crowd) this.#restUntil = ended + Math.min(ended - began, maxHold);
    for (const then of committed) queueMicrotask(then);
    for (const done of settle) done();
    if (this.#queue.length > 0) this.#schedule();
  }

  #rollBack(): void {
    try {
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
    } catch {
      // The failure that led here is the one to tell; SQLite rolls back by itself when the connection or the process ends.
    }
  }

  /** Runs a unit under a savepoint; its own mistakes undo it alone, failures of the environment are thrown. */
  #runUnit(unit: Unit, settle: (() => void)[]): (() => void)[] {
    this.#afterCommit = [];
    this.#db.exec("SAVEPOINT unit");
    try {
      const values = unit.map((work) => work.run());
      this.#db.exec("RELEASE unit");
      settle.push(() => unit.forEach((work, i) => work.resolve(values[i] as never)));
      return this.#afterCommit;
    } catch (thrown) {
      if (!this.#db.isTransaction || environmental(thrown)) throw thrown;
      this.#db.exec("ROLLBACK TO unit; RELEASE unit");
      settle.push(() => unit.forEach((work) => work.reject(asProblem(thrown, this.path))));
      return [];
    }
  }

  /** Finishes the writes that were asked for, then closes. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    while (this.#queue.length > 0) this.#flush();
    this.#db.close();
  }
}

/** Codes after which the rest of the transaction cannot be relied on: busy, read-only, I/O, corrupt, full, cannot open. */
const environmentalCodes = new Set([5, 6, 8, 10, 11, 13, 14, 26]);
const environmental = (thrown: unknown): boolean => environmentalCodes.has(sqliteCode(thrown) ?? -1);

const closedProblem = (path: string): ProblemError => new ProblemError(error("store/closed", `Unable to use ${path}: the store is closed`));
