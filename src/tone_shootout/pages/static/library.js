import { $, api, el, Problem, prefix, refresh, renew, run, say } from "./app.js"

const KINDS = { di_track: "DI track", cab_ir: "Cab IR" }
const drop = $("#drop"), input = $("#files"), uploads = $("#uploads")
let added = 0, waiting = 0

// --- Uploads

// XMLHttpRequest, because fetch reports no progress of what it sends.
const upload = (field, file, onProgress) => new Promise((resolve, reject) => {
  const request = new XMLHttpRequest(), form = new FormData()
  form.append(field, file, file.name)
  request.open("POST", prefix + "/api/v1/library/batch")
  request.upload.onprogress = event => onProgress(event.loaded, event.total)
  request.onload = () => {
    let body = {}
    try { body = JSON.parse(request.responseText) } catch { /* no JSON */ }
    if (request.status === 200) resolve(body.results)
    else reject(new Problem(request.status, body))
  }
  request.onerror = () => reject(new Problem(0, { detail: "The service can't be reached." }))
  request.send(form)
})

const queue = []

const next = async function () {
  if (waiting >= 2 || !queue.length) return
  waiting += 1
  const { row, file, field } = queue.shift()
  await add(row, file, field)
  waiting -= 1
  if (!queue.length && !waiting && added) {
    say(added + (added === 1 ? " file is" : " files are") + " in the library.")
    added = 0
    await refresh()
  }
  next()
}

const retryButton = (row, file, field) => el("button", {
  type: "button", className: "quiet small", onclick: () => enqueue(file, field, row),
}, "Try again")

const kindSelect = (file, item) => el("select", {
  "aria-label": "Kind of " + file.name,
  onchange: run(async ({ target }) => {
    try {
      item = await api("PATCH", item.links.self, { kind: target.value })
    } finally {
      target.value = item.kind
    }
    say("“" + file.name + "” is a " + KINDS[item.kind] + " now.")
    await refresh()
  }),
}, ...Object.entries(KINDS).map(([value, name]) => el("option", { value, selected: value === item.kind }, name)))

const add = async function (row, file, field) {
  const bar = el("progress", { max: 1, value: 0, "aria-label": "Upload of " + file.name }), note = el("span", { className: "facts" })
  row.replaceChildren(el("span", {}, file.name + " "), note, bar)
  const report = (sent, total) => {
    bar.value = sent / total
    note.textContent = sent === total ? "checking" : Math.round(100 * sent / total) + " %"
  }
  try {
    let results
    try {
      results = await upload(field, file, report)
    } catch (error) {
      if (error.status !== 401 || !(await renew()).ok) throw error
      results = await upload(field, file, report)
    }
    bar.remove()
    const failed = results.filter(result => !result.item)
    const made = results.filter(result => result.item)
    added += made.length
    if (field === "archive") {
      note.textContent = made.length + " added, " + (results.length - made.length) + " not"
      row.append(el("ul", {}, ...failed.map(each => el("li", { className: "bad" }, each.filename + ": " + each.problem.detail))))
    } else if (failed.length) {
      note.className = "bad"
      note.textContent = failed[0].problem.detail
      row.append(" ", retryButton(row, file, field))
    } else {
      note.className = "good"
      note.textContent = results[0].status === "existing" ? "in the library already" : "added"
      if (results[0].item.kind !== "capture") row.append(" ", kindSelect(file, results[0].item))
    }
  } catch (error) {
    bar.remove()
    note.className = "bad"
    note.textContent = error.message
    row.append(" ", retryButton(row, file, field))
  }
}

const enqueue = function (file, field, row = uploads.appendChild(el("li", { className: "card" }))) {
  row.replaceChildren(el("span", {}, file.name + " "), el("span", { className: "facts" }, "waiting"))
  queue.push({ row, file, field })
  next()
}

const take = function (files) {
  for (const file of files) {
    if (file.size > Number(drop.dataset.max)) {
      uploads.append(el("li", { className: "card" }, file.name + " ", el("span", { className: "bad" }, "is too large")))
    } else enqueue(file, /\.zip$/i.test(file.name) ? "archive" : "file")
  }
}

input.addEventListener("change", () => { take(input.files); input.value = "" })
drop.addEventListener("dragover", event => { event.preventDefault(); drop.classList.add("over") })
drop.addEventListener("dragleave", () => drop.classList.remove("over"))
drop.addEventListener("drop", event => {
  event.preventDefault()
  drop.classList.remove("over")
  take(event.dataTransfer.files)
})

// --- Items

const showForm = function (row, shown) {
  const form = $("form", row)
  form.hidden = !shown
  $("[data-edit]", row).parentElement.hidden = $("[data-notes]", row).hidden = shown
  if (shown) form.elements.name.select()
  else $("[data-edit]", row).focus()
}

const save = run(async ({ target }) => {
  const { tags, gear, ...fields } = Object.fromEntries(new FormData(target))
  fields.tags = tags.split(",").map(tag => tag.trim()).filter(Boolean)
  // Not the gear that the file states, unless it was chosen.
  if (gear !== undefined && !target.elements.gear.selectedOptions[0].defaultSelected) fields.gear = gear || null
  await api("PATCH", target.dataset.path, fields)
  showForm(rowOf({ target }), false)
  await refresh()
})

const rowOf = event => event.target.closest("[data-item]")

document.addEventListener("click", event => { if (event.target.closest("[data-edit]")) showForm(rowOf(event), true) })
document.addEventListener("reset", event => showForm(rowOf(event), false))
document.addEventListener("submit", event => {
  if (!rowOf(event)) return
  event.preventDefault()
  save(event)
})
document.addEventListener("keydown", event => {
  const row = rowOf(event)
  if (row && event.key === "Escape" && event.target.closest("form")) showForm(row, false)
  if (!row || !event.target.matches("summary") || (event.key !== "F2" && event.key !== "p")) return
  event.preventDefault()
  $("details", row).open = true
  if (event.key === "F2") return showForm(row, true)
  const audio = $("audio", row)
  if (audio?.paused) audio.play()
  else audio?.pause()
})
