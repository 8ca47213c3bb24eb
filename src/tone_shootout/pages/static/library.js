import { $, $$, api, el, Problem, prefix, renew, run, say } from "./app.js"

const KINDS = { di_track: "DI track", capture: "Capture", cab_ir: "Cab IR" }
const drop = $("#drop"), input = $("#files"), uploads = $("#uploads")
let added = 0, waiting = 0

// --- Uploads ---------------------------------------------------------------------------------------------------

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
    say(added + (added === 1 ? " file is" : " files are") + " in the library.", {
      action: () => location.assign(prefix + "/library"), label: "Show", after: 60_000,
    })
  }
  next()
}

const retryButton = (row, file, field) => el("button", {
  type: "button", className: "quiet small", onclick: () => enqueue(file, field, row),
}, "Try again")

const kindSelect = function (row, file, item) {
  const select = el("select", { "aria-label": "Kind of " + file.name })
  for (const [value, name] of Object.entries(KINDS)) {
    select.append(el("option", { value, selected: value === item.kind }, name))
  }
  select.onchange = run(async () => {
    const results = await upload(select.value, file, () => {})
    if (results[0].status === "failed") {
      select.value = item.kind
      throw new Problem(422, results[0].problem)
    }
    await api("DELETE", "/library/" + item.id)
    item = results[0].item
    say("“" + file.name + "” is a " + KINDS[item.kind] + " now.")
  })
  return select
}

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
    const failed = results.filter(result => result.status === "failed" || (field !== "archive" && result.status === "skipped"))
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
      if (results[0].item.kind !== "capture") row.append(" ", kindSelect(row, file, results[0].item))
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

input.disabled = false
input.addEventListener("change", () => { take(input.files); input.value = "" })
drop.addEventListener("dragover", event => { event.preventDefault(); drop.classList.add("over") })
drop.addEventListener("dragleave", () => drop.classList.remove("over"))
drop.addEventListener("drop", event => {
  event.preventDefault()
  drop.classList.remove("over")
  take(event.dataTransfer.files)
})

// --- Items -----------------------------------------------------------------------------------------------------

const edit = function (row) {
  const name = $("[data-name]", row), notes = $("[data-notes]", row), actions = $("[data-actions]", row)
  if ($("form", row)) return
  const close = () => { form.remove(); notes.hidden = actions.hidden = false; $("[data-rename]", row).focus() }
  const nameInput = el("input", { value: name.textContent, maxLength: 80, required: true })
  const notesInput = el("textarea", { value: notes.textContent, maxLength: 2000 })
  const form = el("form", {
    onsubmit: run(async event => {
      event.preventDefault()
      const item = await api("PATCH", "/library/" + row.dataset.item, { name: nameInput.value, notes: notesInput.value })
      name.textContent = item.name
      notes.textContent = item.notes
      close()
    }),
    onkeydown: event => { if (event.key === "Escape") close() },
  },
  el("label", {}, "Name ", nameInput), el("label", {}, "Notes ", notesInput),
  el("p", { className: "row" },
    el("button", { type: "submit", className: "small" }, "Save"),
    el("button", { type: "button", className: "quiet small", onclick: close }, "Cancel")))
  notes.hidden = actions.hidden = true
  notes.after(form)
  nameInput.select()
}

for (const row of $$("[data-item]")) {
  const details = $("details", row), name = $("[data-name]", row)
  $("[data-actions]", row).hidden = false
  $("[data-rename]", row).addEventListener("click", () => edit(row))
  $("[data-remove]", row).addEventListener("click", run(async () => {
    if (!confirm("Delete “" + name.textContent + "”?")) return
    await api("DELETE", "/library/" + row.dataset.item)
    row.remove()
    say("“" + name.textContent + "” is deleted.")
  }))
  $("summary", row).addEventListener("keydown", event => {
    if (event.key !== "F2" && event.key !== "p") return
    event.preventDefault()
    details.open = true
    if (event.key === "F2") return edit(row)
    const audio = $("audio", row)
    if (audio?.paused) audio.play()
    else audio?.pause()
  })
}

// --- TONE3000 --------------------------------------------------------------------------------------------------

const showModels = async function (tone, place) {
  const { items } = await api("GET", "/tones/" + tone.id + "/models")
  place.replaceChildren(...items.map(model => el("li", { className: "split" },
    el("span", {}, model.label + " ", el("span", { className: "facts" }, [model.architecture, model.size_class].filter(Boolean).join(", "))),
    el("button", {
      type: "button",
      className: "quiet small",
      "aria-label": "Import " + model.label,
      disabled: Boolean(model.library_item_id),
      onclick: run(async event => {
        const button = event.currentTarget
        const item = await api("POST", "/tones/" + tone.id + "/models/" + model.id + "/import")
        say("“" + item.name + "” is in the library.")
        button.replaceWith(el("span", { className: "good" }, "imported"))
      }),
    }, model.library_item_id ? "Imported" : "Import"))))
}

$("#tones")?.addEventListener("submit", run(async event => {
  event.preventDefault()
  const { items } = await api("GET", "/tones/" + $("#list").value)
  $("#found").replaceChildren(...items.map(tone => {
    const models = el("ul", { className: "plain" })
    return el("li", { className: "card" },
      el("div", { className: "split" },
        el("div", {}, el("strong", {}, tone.title), " ",
          el("span", { className: "facts" }, "by " + tone.creator.name + ", " + tone.gear + ", " + tone.license.name)),
        tone.kind && el("button", {
          type: "button", className: "quiet small", "aria-label": "Files of " + tone.title, onclick: run(() => showModels(tone, models)),
        }, "Files")),
      models)
  }))
  if (!items.length) $("#found").replaceChildren(el("li", {}, "Nothing here."))
  else $("#found").append(el("li", {}, el("a", { href: items[0].powered_by.url, rel: "noreferrer" }, items[0].powered_by.text)))
}))
