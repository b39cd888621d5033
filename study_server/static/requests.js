// Requests that do not give up: a lost connection or a busy server is waited out, with growing pauses.

const LONGEST_PAUSE_MS = 15000;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

// Calls attempt() until it neither throws nor answers 5xx; onTrouble(true) while it has to be repeated.
export async function persist(attempt, onTrouble) {
  for (let wait = 500; ; wait = Math.min(2 * wait, LONGEST_PAUSE_MS)) {
    try {
      const result = await attempt();
      onTrouble(false);
      return result;
    } catch (error) {
      if (error instanceof Refused) throw error;
      onTrouble(true);
      await pause(wait);
    }
  }
}

export async function sendJson(method, url, body) {
  const answer = await fetch(url, {
    method,
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (answer.status >= 500) throw new Error(`server: ${answer.status}`);
  const content = await answer.json();
  if (!answer.ok) throw new Refused(answer.status, content.error);
  return content;
}
