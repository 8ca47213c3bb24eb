// Forms whose fields are sent to the REST API as JSON: `data-rest` has method and path.
import { $$, api, run } from "./app.js"

const valueOf = function ({ type, dataset, value }) {
  if (type === "datetime-local") return value === "" ? null : new Date(value).toISOString()
  return type === "number" || type === "checkbox" || dataset.type === "number" ? Number(value) : value
}

const bodyOf = function (form) {
  const body = {}
  for (const control of form.elements) {
    const { name, type, checked, dataset } = control
    if (type === "checkbox" || dataset.list === "") body[name] = [...body[name] || [], ...checked === false ? [] : [valueOf(control)]]
    else if (name && (control.value !== "" || type === "datetime-local")) body[name] = valueOf(control)
  }
  return body
}

for (const control of $$("[data-utc]")) {
  const time = new Date(control.dataset.utc)
  control.value = new Date(time - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}

for (const form of $$("[data-rest]")) {
  form.addEventListener("submit", run(async event => {
    event.preventDefault()
    const { rest, ask } = form.dataset, [method, path] = rest.split(" ")
    if (ask && !confirm(ask)) return
    await api(method, path, method === "DELETE" ? undefined : bodyOf(form))
    location.reload()
  }))
}
