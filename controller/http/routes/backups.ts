import { BackupRequest, BackupView } from "../../../schemas/api.ts";
import { error, ProblemError } from "../../../schemas/problem.ts";
import { type Route, type RouteContext, route } from "../route.ts";

/** Backups of what the controller keeps beside git. */
export const backupRoutes = ({ controller, backUp }: RouteContext): Route[] => [
  route({
    method: "POST",
    url: "/api/v1/backups",
    tag: "backups",
    summary: "Writes database and keys into a new folder on the controller's machine, while it works",
    body: BackupRequest,
    answer: BackupView,
    status: 201,
    async handle({ body, caller }) {
      if (backUp === undefined) throw new ProblemError(error("not-found/backups", "This controller makes no backups."));
      await controller.note(caller.name, "backup", body.folder);
      return backUp(body.folder);
    },
  }),
];
