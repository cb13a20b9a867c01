const form = document.getElementById("filter");
const papers = [...document.querySelectorAll("[data-text]")];
const groups = [...document.querySelectorAll(".group")];

function apply() {
  const words = form.words.value.toLowerCase().split(/\s+/).filter(Boolean);
  const { value: topic } = form.topic;
  const { value: verdict } = form.verdict;
  for (const paper of papers) {
    const { text, topic: its, verdicts } = paper.dataset;
    paper.hidden =
      (topic && topic !== its) ||
      (verdict && !verdicts.split(" ").includes(verdict)) ||
      !words.every((word) => text.includes(word));
  }
  for (const group of groups) {
    group.hidden = !group.querySelector("[data-text]:not([hidden])");
  }
  const shown = papers.filter((paper) => !paper.hidden).length;
  form.count.value = shown ? `${shown} of ${papers.length} papers` : "No paper matches.";
}

form.hidden = false;
form.addEventListener("input", apply);
form.addEventListener("submit", (event) => event.preventDefault());
// The fields are empty only after the event.
form.addEventListener("reset", () => setTimeout(apply));
// Coming back to the page, the browser fills the fields in again.
addEventListener("pageshow", apply);
