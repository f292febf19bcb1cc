import type { Difference } from "../../schemas/plan.ts";
import type { Page, PageRequest } from "./store.ts";

export type DriftMode = "alert" | "correct" | "ignore";

/** A drift as it is noticed. `since`: when it was seen first, by the controller's clock; `by`: who or what did it, where the host can tell. */
export interface NewAlert {
  readonly instance: string;
  readonly since: number;
  readonly differences: readonly Difference[];
  readonly by?: { readonly who: string; readonly how: string } | undefined;
  readonly mode: DriftMode;
  readonly note?: string | undefined;
}

/** A drift, open until `closedAt`. `corrected`: it was us who put it right. */
export interface Alert extends NewAlert {
  readonly id: number;
  readonly closedAt?: number | undefined;
  readonly corrected?: boolean | undefined;
}

/** Drifts, at most one open for an instance. */
export interface AlertStore {
  /** Opens an alert, or brings the open one of the instance up to date: its id, its beginning and (unless a new one is given) its author stay. */
  open(alert: NewAlert): Promise<{ readonly alert: Alert; readonly isNew: boolean }>;
  /** Closes the open alert of an instance; undefined where there is none. */
  close(instance: string, at: number, corrected: boolean): Promise<Alert | undefined>;
  openAlerts(): Promise<readonly Alert[]>;
  list(request?: PageRequest & { readonly instance?: string | undefined }): Promise<Page<Alert>>;
}
