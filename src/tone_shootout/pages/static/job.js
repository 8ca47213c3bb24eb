import { $, api, data, el, follow, prefix, run } from "./app.js"

const { id, status, statuses, phases } = data("state")
const sounds = $("#sounds")

const showStatus = function (job) {
  $("#status").textContent = statuses[job.status] || job.status
  $("#phase").textContent = job.waiting_for ? "waiting for " + job.waiting_for : phases[job.phase] || ""
  const cancel = $("#cancel")
  if (cancel) cancel.disabled = job.status === "cancelling"
}

const showProgress = function ({ percent, eta_s: seconds }) {
  $("#progress").value = percent
  $("#percent").textContent = Math.round(percent) + " %"
  $("#eta").textContent = seconds === null || seconds === undefined ? "" : "about " + Math.max(1, Math.round(seconds)) + " s left"
}

const addSound = function (path) {
  if ([...sounds.children].some(each => each.dataset.path === path)) return
  const name = path.split("/").pop(), address = prefix + "/api/v1/jobs/" + id + "/artifacts/" + path.split("/").map(encodeURIComponent).join("/")
  const made = el("li", { "data-path": path }, el("h3", {}, name),
    el("audio", { controls: true, preload: "none", src: address, "aria-label": name }))
  const after = [...sounds.children].find(each => each.dataset.path > path)
  sounds.insertBefore(made, after || null)
}

const onEvent = function ({ type, data: found }) {
  if (type === "snapshot") {
    showStatus(found.job)
    showProgress(found.job.progress)
  } else if (type === "status") showStatus(found)
  else if (type === "phase") $("#phase").textContent = phases[found.phase] || found.phase
  else if (type === "progress") showProgress(found)
  else if (type === "artifact" && found.path.startsWith("partial/")) addSound(found.path)
  else if (type === "done") location.reload()
}

const onState = function (state) {
  $("#connection").textContent = state === "lost" ? "Connection lost, reconnecting …" : state === "gone" ? "This job was deleted." : ""
}

if (!["completed", "failed", "cancelled"].includes(status)) follow(id, onEvent, onState)

for (const [name, path] of [["cancel", "/cancel"], ["retry", "/retry"]]) {
  const button = $("#" + name)
  if (!button) continue
  button.addEventListener("click", run(async () => {
    const job = await api("POST", "/jobs/" + id + path)
    if (name === "retry" || job.status === "cancelled") location.reload()
    else showStatus(job)
  }))
}
