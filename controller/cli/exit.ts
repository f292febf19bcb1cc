/** Exit statuses of the command line. */
export const exit = {
  good: 0,
  error: 1,
  /** There are (or were) changes; only with --detailed-exitcode. */
  changes: 2,
  /** It waits for an approval. */
  waits: 3,
  /** Some steps of the run failed, or were refused. */
  partly: 4,
  usage: 64,
  /** Stopped by Ctrl-C, as shells say it. */
  interrupted: 130,
} as const;
