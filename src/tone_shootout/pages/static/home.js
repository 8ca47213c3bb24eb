import { $, $$, follow } from "./app.js"

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
