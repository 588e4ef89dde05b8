// Decides what it is given on standard input, with Cedar in WebAssembly, and prints what it decided.
// In: {policies: {id: text}, schema: text, asked: [{entities, principal, resource, context, actions: [id]}]}
// Out: {version, answers: [[{allowed, policies, errors}]]}, in the order of what was asked.
import { readFileSync } from "node:fs";
import cedar from "@cedar-policy/cedar-wasm/nodejs";

const given = JSON.parse(readFileSync(0, "utf8"));
const SET = "policies";
const SCHEMA = "schema";

function held(answer, what) {
  if (answer.type !== "success") {
    throw new Error(`${what}: ${JSON.stringify(answer.errors)}`);
  }
  return answer;
}

held(cedar.preparsePolicySet(SET, { staticPolicies: given.policies, templates: {}, templateLinks: [] }), SET);
held(cedar.preparseSchema(SCHEMA, given.schema), SCHEMA);

const answers = given.asked.map(({ entities, principal, resource, context, actions }) =>
  actions.map((action) => {
    const call = {
      principal, resource, context, entities, action: { type: "Action", id: action },
      preparsedPolicySetId: SET, preparsedSchemaName: SCHEMA, validateRequest: true,
    };
    const { response } = held(cedar.statefulIsAuthorized(call), action);
    return {
      allowed: response.decision === "allow",
      policies: [...response.diagnostics.reason].sort(),
      errors: response.diagnostics.errors,
    };
  }),
);
process.stdout.write(JSON.stringify({ version: cedar.getCedarVersion(), answers }));
