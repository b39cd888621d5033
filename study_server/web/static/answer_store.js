// Answers on this computer's disk (IndexedDB), under their idempotency keys.

const STORE = "answers";
const OPEN_MS = 3000; // some browsers' private windows neither open a database nor say so

const settled = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

function open(name) {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(STORE, { keyPath: "key" }).createIndex("outbox", "outbox");
    };
    settled(request).then(resolve, reject);
    setTimeout(() => reject(new Error(`the database ${name} does not open`)), OPEN_MS);
  });
}

export class AnswerStore {
  #database;

  constructor(database) {
    this.#database = database;
  }

  // The store of a study, or null where this browser keeps nothing.
  static async open(name) {
    try {
      return new AnswerStore(await open(name));
    } catch {
      return null;
    }
  }

  // Of the participant whose outbox has this name, in the order in which they were given.
  async all(outbox) {
    const store = this.#database.transaction(STORE, "readonly").objectStore(STORE);
    const answers = await settled(store.index("outbox").getAll(outbox));
    return answers.sort((one, other) => one.sequence - other.sequence);
  }

  // Resolves when the answer is on the disk.
  put(answer) {
    return this.#write((store) => store.put(answer));
  }

  delete(key) {
    return this.#write((store) => store.delete(key));
  }

  #write(change) {
    return new Promise((resolve, reject) => {
      const transaction = this.#database.transaction(STORE, "readwrite", { durability: "strict" });
      transaction.oncomplete = () => resolve();
      transaction.onabort = transaction.onerror = () => reject(transaction.error);
      change(transaction.objectStore(STORE));
    });
  }
}
