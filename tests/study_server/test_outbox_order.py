"""Answers leave the outbox in the order in which they were given, however often the page was loaded meanwhile.

The page's own modules, run by the interpreter that comes with Playwright: no browser, whose disk is a map here.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from playwright._impl._driver import compute_driver_executable

STATIC = Path(__file__).parents[2] / "study_server" / "web" / "static"

BROWSER = """
globalThis.disk = new Map();
const request = (result) => {
  const asked = { result };
  setTimeout(() => asked.onsuccess?.());
  return asked;
};
const store = {
  put: (answer) => disk.set(answer.key, structuredClone(answer)),
  delete: (key) => disk.delete(key),
  // As an index of IndexedDB does: in the order of the keys, which are random.
  index: () => ({ getAll: (outbox) => request(
    [...disk.values()].filter((answer) => answer.outbox === outbox).sort((one, other) => one.key < other.key ? -1 : 1),
  ) }),
};
const transaction = () => {
  const begun = { objectStore: () => store };
  setTimeout(() => begun.oncomplete?.());
  return begun;
};
globalThis.indexedDB = { open: () => request({ transaction }) };
globalThis.window = { addEventListener() {}, removeEventListener() {} };

globalThis.online = false;
globalThis.sent = [];
globalThis.fetch = async (url, { body }) => {
  if (!online) return new Promise(() => {});
  sent.push({ url, key: JSON.parse(body).idempotency_key, response: JSON.parse(body).response });
  return Response.json({ stage: "trials" });
};
"""

LOADS = """
import { Outbox } from "./outbox.js";

const waiting = [];
const load = () => Outbox.open("person", "/api/trials", {
  onChange: (n) => waiting.push(n), onStored() {}, onRefused(error) { throw error; },
});
const page = { n: 0 };
for (let loads = 0; loads < 6; loads += 1) {
  const outbox = await load();
  for (let answers = 0; answers < 2; answers += 1) await outbox.add(`t${page.n}`, { response: `r${page.n++}` });
  outbox.stop();
}
const kept = [...disk.values()].map(({ key, sequence, trial }) => ({ key, sequence, trial }));
online = true;
const last = await load();
if (!last.has("t0") || last.has("t99")) throw new Error("the outbox does not know what it holds");
await last.emptied();
console.log(JSON.stringify({ sent, kept, left: disk.size, waiting }));
process.exit(0);
"""


def test_answers_of_several_loads_of_the_page_are_sent_in_the_order_in_which_they_were_given(tmp_path: Path) -> None:
    for name in ("outbox.js", "answer_store.js", "requests.js"):
        shutil.copy(STATIC / name, tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    (tmp_path / "browser.js").write_text(BROWSER, encoding="utf-8")
    (tmp_path / "loads.js").write_text('import "./browser.js";\n' + LOADS, encoding="utf-8")
    interpreter, _ = compute_driver_executable()
    done = subprocess.run([interpreter, tmp_path / "loads.js"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [answer["response"] for answer in found["sent"]] == [f"r{n}" for n in range(12)]
    assert [answer["url"] for answer in found["sent"]] == [f"/api/trials/t{n}/response" for n in range(12)]
    assert [answer["sequence"] for answer in found["kept"]] == list(range(1, 13))
    assert [answer["key"] for answer in found["sent"]] == [answer["key"] for answer in found["kept"]]
    assert len({answer["key"] for answer in found["kept"]}) == 12
    assert found["left"] == 0
    assert found["waiting"][-12:] == list(range(11, -1, -1))
