// The request as a program sends it: curl, and Python with OpenAI's client.

import { ROOT } from "./api.js";

// What OpenAI's client has arguments for; the rest are extensions and go into extra_body.
const OPENAI = ["model", "voice", "input", "response_format", "speed", "instructions"];

export function curl(request, needsKey) {
  return [
    `curl -f ${ROOT.href}v1/audio/speech \\`,
    ...(needsKey ? ['  -H "Authorization: Bearer $VOICEGRAPH_API_KEY" \\'] : []),
    '  -H "Content-Type: application/json" \\',
    `  -d ${shell(JSON.stringify(request, null, 2))} \\`,
    `  -o speech.${request.response_format}`,
  ].join("\n");
}

export function python(request, needsKey) {
  const own = Object.entries(request).filter(([name]) => !OPENAI.includes(name));
  const given = OPENAI.filter((name) => name in request).map((name) => `    ${name}=${literal(request[name])},`);
  return [
    ...(needsKey ? ["import os", ""] : []),
    "from openai import OpenAI",
    "",
    `client = OpenAI(base_url="${ROOT.href}v1", api_key=${needsKey ? 'os.environ["VOICEGRAPH_API_KEY"]' : '"unused"'})`,
    "with client.audio.speech.with_streaming_response.create(",
    ...given,
    ...(own.length ? [`    extra_body={${own.map(([name, value]) => `"${name}": ${literal(value)}`).join(", ")}},`] : []),
    ") as response:",
    `    response.stream_to_file("speech.${request.response_format}")`,
  ].join("\n");
}

// A JSON string or number is a Python literal too.
const literal = (value) => JSON.stringify(value);

const shell = (text) => `'${text.replaceAll("'", "'\\''")}'`;
