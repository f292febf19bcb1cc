/** A timer may come this much early; it then still counts for the moment it was meant for. */
const earlyMs = 50;

/**
 * Calls at the multiples of `ms` since the process began, and does not hold the process. What is done now and then is so done
 * at the same moments, in one waking of an idle agent. Answers what ends it.
 */
export function every(ms: number, run: () => void): () => void {
  let timer: NodeJS.Timeout;
  const wait = (): void => {
    const now = performance.now(),
      due = (Math.floor((now + earlyMs) / ms) + 1) * ms;
    timer = setTimeout(() => {
      wait();
      run();
    }, due - now).unref();
  };
  wait();
  return () => clearTimeout(timer);
}
