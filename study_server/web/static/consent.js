// Who could not be shown the pictures should hear it before agreeing to anything.

import { Stage } from "./stage.js";

if (!Stage.isSupported()) {
  document.getElementById("agree").disabled = true;
  const notice = document.getElementById("unsupported");
  notice.textContent = Stage.unsupported;
  notice.hidden = false;
}
