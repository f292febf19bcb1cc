/** One measured figure: a line of JSON. `ok`: whether it is within its target; absent where there is none. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly target?: number | undefined;
  readonly ok?: boolean | undefined;
  /** What has to be known to read the figure. */
  readonly note?: string | undefined;
}

/** Takes what a benchmark measured. A target is a limit that the value must not pass. */
export type Report = (name: string, value: number, unit: string, more?: { readonly target?: number; readonly note?: string }) => void;

/** Writes figures as lines of JSON. */
export const lines =
  (write: (line: string) => void): Report =>
  (name, value, unit, { target, note } = {}) => {
    const rounded = Number(value.toPrecision(4));
    const figure: Figure = {
      name,
      value: rounded,
      unit,
      ...(target === undefined ? {} : { target, ok: value <= target }),
      ...(note === undefined ? {} : { note }),
    };
    write(`${JSON.stringify(figure)}\n`);
  };

/** The middle of some values. */
export const median = (values: readonly number[]): number => percentile(values, 50);

/** The value that so many per cent of all do not pass. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? Number.NaN;
}

/** Milliseconds that a function takes, in each of some runs after one that does not count. */
export function timed(runs: number, act: (run: number) => unknown): number[] {
  act(-1);
  return Array.from({ length: runs }, (_, run) => {
    const begun = performance.now();
    act(run);
    return performance.now() - begun;
  });
}

export async function timedOnce<T>(act: () => Promise<T>): Promise<readonly [ms: number, result: T]> {
  const begun = performance.now(),
    result = await act();
  return [performance.now() - begun, result];
}
