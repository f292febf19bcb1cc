/** A request, or a task, that Proxmox VE refuses: the status, what it says, and the parameters that are wrong. */
export class Refused extends Error {
  readonly status: number;
  readonly errors: Readonly<Record<string, string>> | undefined;
  constructor(status: number, message: string, errors?: Readonly<Record<string, string>>) {
    super(message);
    this.name = "Refused";
    this.status = status;
    this.errors = errors;
  }
}

/** Most refusals are 500 and told apart by their text. */
export const failed = (text: string): Refused => new Refused(500, text);
/** 400 with what is wrong with each parameter. */
export const wrong = (errors: Readonly<Record<string, string>>): Refused => new Refused(400, "Parameter verification failed.", errors);
/** 403 with what would be needed. */
export const denied = (what?: string): Refused => new Refused(403, `Permission check failed${what === undefined ? "" : ` (${what})`}`);

/** The text of whatever was thrown. */
export const textOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));
