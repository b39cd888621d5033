// Answers on their way to the server: kept on this computer until the server has acknowledged them, sent one after
// another in the order in which they were given, each with its idempotency key, so that it is stored once however
// often it is sent. Lost connections, crashed tabs and restarted browsers only delay them.

import { AnswerStore } from "./answer_store.js";
import { Refused, persist, sendJson } from "./requests.js";

const LONGEST_MS = 1e12; // the server takes nothing longer

const newKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

export class Outbox {
  #store; #name; #trialsUrl; #listeners;
  #waiting = []; // {key, outbox, sequence, trial, answeredAt, body, isKept}
  #sequence = 0;
  #stop = new AbortController();
  #wakeUp = () => {};
  #onEmpty = [];

  constructor(store, name, trialsUrl, listeners) {
    this.#store = store;
    this.#name = name;
    this.#trialsUrl = trialsUrl;
    this.#listeners = listeners;
  }

  // The outbox `name` with what an earlier load of the page left in it, and start sending.
  // onChange(n): n answers wait. onStored(answer, reply): the server holds this answer, or has no use for it any more.
  // onRefused(error): the server refuses an answer for good; nothing more is sent, and the answer stays.
  static async open(name, trialsUrl, { onChange, onStored, onRefused }) {
    const store = await AnswerStore.open(`shift-study ${trialsUrl.replace(/\/api\/trials$/, "/")}`);
    const outbox = new Outbox(store, name, trialsUrl, { onChange, onStored, onRefused });
    const left = (await store?.all(name).catch(() => [])) ?? [];
    outbox.#waiting = left.map((answer) => ({ ...answer, isKept: true }));
    outbox.#sequence = left.at(-1)?.sequence ?? 0;
    outbox.#work();
    return outbox;
  }

  has(trial) {
    return this.#waiting.some((answer) => answer.trial === trial);
  }

  // Whether closing the page would lose an answer, because this browser could not keep it.
  get wouldLose() {
    return this.#waiting.some((answer) => !answer.isKept);
  }

  // Resolves as soon as the answer can no longer get lost; it is sent afterwards.
  async add(trial, body) {
    this.#sequence += 1;
    const answer = { key: newKey(), outbox: this.#name, sequence: this.#sequence, trial, answeredAt: Date.now(), body };
    const isKept = await this.#keep(answer);
    this.#waiting.push({ ...answer, isKept });
    this.#listeners.onChange(this.#waiting.length);
    this.#wakeUp();
  }

  // Where the browser does not keep it (a private window, a full disk), the memory does.
  async #keep(answer) {
    if (!this.#store) return false;
    try {
      await this.#store.put(answer);
      return true;
    } catch {
      return false;
    }
  }

  // Resolves when the server holds everything.
  emptied() {
    return this.#waiting.length ? new Promise((resolve) => { this.#onEmpty.push(resolve); }) : Promise.resolve();
  }

  // Send nothing more: another tab does from now on.
  stop() {
    this.#stop.abort();
    this.#wakeUp();
  }

  async #work() {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const [answer] = this.#waiting;
      if (!answer) {
        await new Promise((resolve) => { this.#wakeUp = resolve; });
        continue;
      }
      try {
        const reply = await this.#deliver(answer, signal);
        await this.#settle(answer, reply);
      } catch (error) {
        if (!signal.aborted) this.#listeners.onRefused(error);
        return;
      }
    }
  }

  async #deliver(answer, signal) {
    const url = `${this.#trialsUrl}/${answer.trial}/response`;
    try {
      return await persist(() => sendJson("PUT", url, {
        ...answer.body,
        // By the clock of the day, which goes on while the browser is closed and the computer asleep; it may be
        // put right meanwhile, though.
        sent_after_ms: Math.min(Math.max(0, Date.now() - answer.answeredAt), LONGEST_MS),
        idempotency_key: answer.key,
      }), signal);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      // Perhaps the trial was answered elsewhere, in another browser: then the server no longer asks for it.
      const session = await persist(() => sendJson("GET", this.#trialsUrl), signal);
      if (session.outbox !== this.#name) throw error; // the browser belongs to somebody else by now
      if (session.trials?.some((trial) => trial.id === answer.trial)) throw error;
      return { ...session, superseded: true };
    }
  }

  async #settle(answer, reply) {
    await this.#store?.delete(answer.key).catch(() => {}); // at worst it is sent once more, which changes nothing
    this.#waiting.shift();
    this.#listeners.onChange(this.#waiting.length);
    this.#listeners.onStored(answer, reply);
    if (!this.#waiting.length) this.#onEmpty.splice(0).forEach((resolve) => resolve());
  }
}
