type Line = (fields: Readonly<Record<string, unknown>>, message: string) => void;

/** One line about something that happened, as pino's loggers take it. Fields never hold secrets, inputs of steps or values of facts. */
export interface Log {
  readonly debug: Line;
  readonly info: Line;
  readonly warn: Line;
  readonly error: Line;
}
