import Table from "cli-table3";
import type { Paint } from "../paint.ts";

const none = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "  ",
};

/** Rows in columns, without lines around them. `empty`: said where there is no row. */
export function tableView(head: readonly string[], rows: readonly (readonly string[])[], paint: Paint, empty: string): string {
  if (rows.length === 0) return paint("dim", empty);
  const table = new Table({
    head: head.map((title) => paint("dim", title)),
    chars: none,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
  });
  table.push(...rows.map((row) => row.map((cell) => cell.replaceAll("\n", " "))));
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

/** Names with their values, one a line. */
export function pairsView(pairs: readonly (readonly [name: string, value: string | undefined])[], paint: Paint): string {
  const there = pairs.filter((pair): pair is [string, string] => pair[1] !== undefined && pair[1] !== ""),
    width = Math.max(0, ...there.map(([name]) => name.length)) + 2;
  return there.map(([name, value]) => `${paint("dim", name.padEnd(width))}${value.replaceAll("\n", `\n${" ".repeat(width)}`)}`).join("\n");
}
