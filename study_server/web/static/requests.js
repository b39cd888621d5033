// Requests that do not give up: a lost connection or a busy server is waited out, with growing pauses.

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 20_000;
const LONGEST_ASKED_MS = 300_000; // a server that asks for more patience than this is asked again all the same
const TIMEOUT_MS = 20_000; // a request that hangs is a lost one; answers carry a key, so repeating them is safe
const TRY_AGAIN = [408, 425, 429];

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// The server's no (4xx): repeating the request would not help.
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

// The server cannot at present (5xx, 429); askedMs is for how long it wants to be left alone, 0 if it did not say.
class Busy extends Error {
  constructor(status, retryAfter) {
    super(`the server answers ${status}`);
    const ms = /^\d+$/.test(retryAfter ?? "") ? 1000 * Number(retryAfter) : Date.parse(retryAfter) - Date.now();
    this.askedMs = Math.min(Math.max(ms || 0, 0), LONGEST_ASKED_MS);
  }
}

// Ends early when the connection comes back, for then there is nothing to wait for.
function pauseUnlessOnline(ms) {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      window.removeEventListener("online", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    window.addEventListener("online", end);
  });
}

let inTrouble = 0; // requests that are being repeated at present
let onTrouble = () => {};

// listener(true) while any request has to be repeated.
export function watchTrouble(listener) {
  onTrouble = listener;
}

// Calls attempt() until it succeeds or is refused. Pauses grow, and are random, so that many browsers that lost the
// same server do not come back to it all at once. Throws the signal's reason once that is aborted.
export async function persist(attempt, signal) {
  let repeated = false;
  try {
    for (let longest = FIRST_PAUSE_MS; ; longest = Math.min(2 * longest, LONGEST_PAUSE_MS)) {
      signal?.throwIfAborted();
      let askedMs = 0;
      try {
        return await attempt();
      } catch (error) {
        if (error instanceof Refused) throw error;
        askedMs = error.askedMs ?? 0;
      }
      inTrouble += repeated ? 0 : 1;
      repeated = true;
      onTrouble(true);
      const wait = longest * (0.5 + 0.5 * Math.random());
      await (askedMs ? pause(Math.max(askedMs, wait)) : pauseUnlessOnline(wait));
    }
  } finally {
    inTrouble -= repeated ? 1 : 0;
    onTrouble(inTrouble > 0);
  }
}

async function request(url, options) {
  const answer = await fetch(url, { ...options, signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (answer.ok) return answer;
  if (answer.status >= 500 || TRY_AGAIN.includes(answer.status)) {
    throw new Busy(answer.status, answer.headers.get("Retry-After"));
  }
  const content = await answer.json().catch(() => ({}));
  throw new Refused(answer.status, content.error ?? `${answer.status} ${answer.statusText}`);
}

// The server's JSON. Something else with status 200, such as the log-in page of a hotel's network, counts as a failure.
export async function sendJson(method, url, body) {
  const answer = await request(url, {
    method,
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  return answer.json();
}

// An image as a file, and the server's receipt for having sent it, which the answer brings back; none from elsewhere.
export async function loadImage(url) {
  const answer = await request(url);
  return { file: await answer.blob(), receipt: answer.headers.get("X-Shift-Study-Sent") };
}

// A decoded image, its values untouched by colour conversion.
export const decode = ({ file }) => createImageBitmap(file, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
