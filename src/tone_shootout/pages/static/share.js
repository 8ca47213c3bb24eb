import { $, $$, run, say } from "./app.js"

for (const button of $$("[data-copy]")) {
  button.hidden = false
  button.addEventListener("click", run(async () => {
    $("#" + button.dataset.copy).select()
    await navigator.clipboard.writeText($("#" + button.dataset.copy).value)
    say("Copied.")
  }))
}
