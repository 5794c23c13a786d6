// Drives the MCP Inspector's command line, which has no session: every order is one run of it. The argument is the era.
import { execFile } from "node:child_process";
import { promisify } from "node:util";

import { serve, toolResult } from "./lines.mjs";

const [era] = process.argv.slice(2);
const program = "node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js";
const run = promisify(execFile);
// The exit status of `--strict` for a tool that some client would refuse.
const NOT_PORTABLE = 6;

/** One run; the result it prints, which for a tool that failed comes together with exit status 5. */
async function inspect(url, headers, ...options) {
  const given = Object.entries(headers).flatMap(([name, value]) => ["--header", `${name}: ${value}`]);
  const always = ["--transport", "http", "--protocol-era", era, "--format", "json", "--stored-auth-only"];
  try {
    const { stdout } = await run(process.execPath, [program, "--cli", url, ...always, ...given, ...options]);
    return JSON.parse(stdout).result;
  } catch (error) {
    if (error.stdout && error.code !== NOT_PORTABLE) return JSON.parse(error.stdout).result;
    throw new Error(error.stderr?.trim() || error.message);
  }
}

await serve(async (url, headers) => ({
  toolNames: async () => {
    const { tools } = await inspect(url, headers, "--method", "tools/list", "--strict");
    return tools.map((tool) => tool.name);
  },
  call: async (name, given) => {
    const options = ["--method", "tools/call", "--tool-name", name, "--tool-args-json", JSON.stringify(given)];
    return toolResult(await inspect(url, headers, ...options));
  },
  close: async () => {},
}));
