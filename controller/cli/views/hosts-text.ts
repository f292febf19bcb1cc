const shown = 24;

/** Names of hosts in a sentence: all of up to 24, else the first ones and how many more. */
export function hostsText(hosts: readonly string[]): string {
  if (hosts.length <= shown) return hosts.join(", ");
  return `${hosts.slice(0, shown - 4).join(", ")} and ${hosts.length - shown + 4} more (${hosts.length} hosts)`;
}

/** `1 host`, `2 hosts`. */
export const count = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;
