/** Makes one call of many that come at about the same time, with at most 500 different names; each gets the answer to all. */
export function batch<T>(call: (names: readonly string[]) => Promise<T>): (name: string) => Promise<T> {
  let waiting: { readonly names: Set<string>; readonly answer: Promise<T> } | undefined;
  return (name) => {
    if (waiting === undefined || waiting.names.size >= 500) {
      const names = new Set<string>();
      const answer = new Promise((resolve) => setTimeout(resolve, 10)).then(() => {
        if (waiting?.names === names) waiting = undefined;
        return call([...names]);
      });
      waiting = { names, answer };
    }
    waiting.names.add(name);
    return waiting.answer;
  };
}
