// Who has finished is sent back to the platform after a while; who wants to read on can stay.

const box = document.getElementById("way-back");
if (box) {
  const texts = JSON.parse(box.dataset.texts);
  const when = document.getElementById("way-back-when");
  const stay = document.getElementById("stay");
  let seconds = Number(box.dataset.afterS);

  const tell = () => {
    when.textContent = texts.leaving.replace("{seconds}", seconds);
  };
  const timer = setInterval(() => {
    seconds -= 1;
    if (seconds > 0) tell();
    else {
      clearInterval(timer);
      window.location.assign(document.getElementById("way-back-link").href);
    }
  }, 1000);
  stay.addEventListener("click", () => {
    clearInterval(timer);
    stay.hidden = true;
    when.textContent = texts.staying;
  });
  tell();
  when.hidden = false;
  stay.hidden = false;
}
