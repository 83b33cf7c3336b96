{% include "sort.js" %}
// A page that shows a study at work follows it; one that nobody looks at lets go of its line.
const live = document.querySelector("#live");
if (live) {
  const said = document.querySelector("#said");
  let source = null;
  const follow = () => {
    source = new EventSource(live.dataset.events);
    source.addEventListener("progress", (event) => {
      live.innerHTML = JSON.parse(event.data).html; // escaped where it was made
      const state = live.querySelector("[data-state]").dataset.state;
      if (state !== live.dataset.state) {
        source.close(); // other buttons fit now
        location.reload();
        return;
      }
      const quarter = live.querySelector("[data-quarter]");
      if (quarter && said.dataset.quarter !== quarter.dataset.quarter) {
        said.dataset.quarter = quarter.dataset.quarter;
        said.textContent = quarter.textContent;
      }
    });
    source.addEventListener("ended", () => {
      source.close();
      location.reload();
    });
  };
  follow();
  document.addEventListener("submit", () => source.close()); // loading again would drop what was just pressed
  document.addEventListener("visibilitychange", () => {
    source.close();
    if (!document.hidden) follow();
  });
}
// A choice in the filters counts at once.
for (const choice of document.querySelectorAll(".filters select")) {
  choice.addEventListener("change", () => choice.form.requestSubmit());
}
