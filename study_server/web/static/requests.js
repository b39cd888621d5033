// Requests that do not give up: a lost connection or a busy server is waited out, with growing pauses.

const LONGEST_PAUSE_MS = 15000;
const TIMEOUT_MS = 20000; // a request that hangs is a lost one; answers carry a key, so repeating them is safe

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// The server's no (4xx): repeating the request would not help.
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

let inTrouble = 0; // requests that are being repeated at present

// Calls attempt() until it succeeds or is refused; onTrouble(true) while any request has to be repeated.
export async function persist(attempt, onTrouble) {
  let repeated = false;
  try {
    for (let wait = 500; ; wait = Math.min(2 * wait, LONGEST_PAUSE_MS)) {
      try {
        return await attempt();
      } catch (error) {
        if (error instanceof Refused) throw error;
      }
      inTrouble += repeated ? 0 : 1;
      repeated = true;
      onTrouble(true);
      await pause(wait);
    }
  } finally {
    inTrouble -= repeated ? 1 : 0;
    onTrouble(inTrouble > 0);
  }
}

async function request(url, options) {
  const answer = await fetch(url, { ...options, signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (answer.ok) return answer;
  if (answer.status >= 500) throw new Error(`the server answers ${answer.status}`);
  const content = await answer.json().catch(() => ({}));
  throw new Refused(answer.status, content.error ?? `The server answers ${answer.status}.`);
}

export async function sendJson(method, url, body) {
  const answer = await request(url, {
    method,
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  return answer.json();
}

// A decoded image, its values untouched by colour conversion.
export async function loadBitmap(url) {
  const answer = await request(url);
  return createImageBitmap(await answer.blob(), { colorSpaceConversion: "none", premultiplyAlpha: "none" });
}
