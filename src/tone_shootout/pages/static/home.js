import { $, $$, api, follow, run, say } from "./app.js"

for (const row of $$("[data-job]")) {
  follow(row.dataset.job, ({ type, data }) => {
    if (type === "snapshot") data = data.job.progress
    if (type === "done") return location.reload()
    if (data.percent === undefined) return
    $("progress", row).value = data.percent
    $("[data-note]", row).textContent = Math.round(data.percent) + " %"
    $("[data-status]", row).textContent = "Running"
  })
}

for (const button of $$("[data-delete]")) {
  button.hidden = false
  button.addEventListener("click", run(async () => {
    if (!confirm("Delete “" + button.dataset.title + "” with all its results?")) return
    await api("DELETE", "/shootouts/" + button.closest("[data-shootout]").dataset.shootout)
    button.closest("li").remove()
    say("“" + button.dataset.title + "” is deleted.")
  }))
}
