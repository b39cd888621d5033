// One tab at a time goes through a participant's trials. (Another browser is told by the server, not here.)

const RELOAD_MS = 1000; // a page that is being reloaded lets go a moment after the new one asks

function request(name, options, onLost) {
  let isHeld = false;
  return new Promise((resolve) => {
    navigator.locks
      .request(name, options, () => {
        isHeld = true;
        resolve(true);
        return new Promise(() => {}); // for as long as the page is there
      })
      .catch(() => {
        if (isHeld) onLost();
        else resolve(false);
      });
  });
}

// Whether this tab now holds `name`; onLost() when another takes it over. Browsers show the locks to secure pages only;
// where there are none, every tab may go on, and the server says which is the latest.
export async function hold(name, onLost) {
  return navigator.locks ? request(name, { signal: AbortSignal.timeout(RELOAD_MS) }, onLost) : true;
}

export const takeOver = (name, onLost) => request(name, { steal: true }, onLost);
