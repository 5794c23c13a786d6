// Orders on standard input, answers on standard output, one JSON object a line; ../python/lines.py says which.
import readline from "node:readline";

/**
 * Obey until the input ends. `open(url, headers)` gives a session: an object with `toolNames()`,
 * `call(name, arguments)` and `close()`, which may all be rejected; a rejection is an answer like any other.
 */
export async function serve(open) {
  // Until `connect`, every order is rejected with a TypeError, which is an answer too.
  let session;
  const obey = {
    connect: async ({ url, headers }) => {
      session = await open(url, headers);
    },
    list: async () => ({ tools: await session.toolNames() }),
    call: async ({ name, arguments: given }) => session.call(name, given),
    close: async () => session.close(),
  };
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const order = JSON.parse(line);
    try {
      answer({ ok: true, ...(await obey[order.op](order)) });
    } catch (error) {
      answer({ ok: false, error: text(error) });
    }
  }
  // A transport that still waits for something would keep the process alive.
  process.exit(0);
}

/** What an application reads of a tool's result: whether it failed, all text, and the structured content. */
export function toolResult(result) {
  const blocks = (result.content ?? []).filter((block) => block.type === "text");
  return {
    isError: result.isError ?? false,
    text: blocks.map((block) => block.text).join("\n"),
    structured: result.structuredContent ?? null,
  };
}

function answer(value) {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

function text(error) {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
