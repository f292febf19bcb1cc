/** How the agent starts itself again: its compiled program alone, or its runtime with the script that it runs. */
export function selfCommand(): string[] {
  const script = process.argv[1];
  // A program compiled by Bun has its script inside itself, below a path that exists for no one else.
  const compiled = script === undefined || script.startsWith("/$bunfs/") || script === process.execPath;
  return compiled ? [process.execPath] : [process.execPath, script];
}
