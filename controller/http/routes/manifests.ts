import Type from "typebox";
import {
  CommitRequest,
  CommitView,
  FileView,
  ImportRequest,
  ImportView,
  pageOf,
  PreviewRequest,
  PreviewView,
  ResourceView,
} from "../../../schemas/api.ts";
import { error, ProblemError } from "../../../schemas/problem.ts";
import { permits } from "../access.ts";
import { mayImport } from "../may-ask.ts";
import { pageQuery, pieceOf } from "../paging.ts";
import { type Route, type RouteContext, route } from "../route.ts";

const megabytes = 1024 * 1024;

/** Manifests: what they say, what edits of them would do, and committing edits. */
export const manifestRoutes = ({ controller }: RouteContext): Route[] => [
  route({
    method: "GET",
    url: "/api/v1/manifests",
    tag: "manifests",
    summary: "Resources with their instances, by id",
    query: Type.Object({ ...pageQuery, kind: Type.Optional(Type.String({ maxLength: 64 })) }),
    answer: pageOf(ResourceView),
    handle: ({ query }) => pieceOf(controller.resources(query.kind), (resource) => resource.id, query),
  }),
  route({
    method: "GET",
    url: "/api/v1/manifests/:kind/:name",
    tag: "manifests",
    summary: "One resource",
    params: Type.Object({ kind: Type.String(), name: Type.String() }),
    answer: ResourceView,
    handle: ({ params }) => controller.resource(`${params.kind}/${params.name}`),
  }),
  route({
    method: "GET",
    url: "/api/v1/files",
    tag: "manifests",
    summary: "Text of a file of the workspace at the commit in force",
    query: Type.Object({ path: Type.String({ minLength: 1, maxLength: 1024 }) }),
    answer: FileView,
    handle: async ({ query }) => {
      const text = await controller.fileText(query.path);
      if (text === undefined)
        throw new ProblemError(
          error("not-found/file", `Unable to read ${query.path}: the workspace has no such text file at the commit in force`),
        );
      return { path: query.path, text };
    },
  }),
  route({
    method: "POST",
    url: "/api/v1/previews",
    tag: "manifests",
    summary: "The plan that edits would lead to; nothing is kept",
    body: PreviewRequest,
    bodyLimit: 16 * megabytes,
    answer: PreviewView,
    handle: async ({ body, caller }) => {
      // A preview shows what is in files that the edits would declare: it leaves a trace as a commit would.
      if (body.edits.length > 0)
        await controller.note(caller.name, "preview", "workspace", { paths: body.edits.map(({ path }) => path).slice(0, 100) });
      return controller.preview(body.edits, body.on, permits(caller.role, "approver"));
    },
  }),
  route({
    method: "POST",
    url: "/api/v1/commits",
    tag: "manifests",
    summary: "Commits edits of the workspace",
    body: CommitRequest,
    bodyLimit: 16 * megabytes,
    answer: CommitView,
    status: 201,
    handle: ({ body, caller }) => controller.commit(body.edits, { message: body.message, source: "cli" }, caller),
  }),
  route({
    method: "POST",
    url: "/api/v1/imports",
    tag: "manifests",
    summary: "Manifests for what hosts already have, as edits to commit",
    body: ImportRequest,
    answer: ImportView,
    handle: async ({ body, caller }) => {
      mayImport(caller, body.files);
      await controller.note(caller.name, "import", body.on, { files: body.files.slice(0, 100) });
      return controller.importFrom(body);
    },
  }),
];
