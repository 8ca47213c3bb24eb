// What all pages share: the REST API with renewal of the session, messages, local times.
export const { prefix } = document.documentElement.dataset

export class Problem extends Error {
  constructor(status, body) {
    super(body.detail || "The service answered with status " + status + ".")
    this.status = status
    this.code = body.code
    this.errors = body.errors || []
  }
}

// --- Elements

export const $ = (selector, within = document) => within.querySelector(selector)
export const $$ = (selector, within = document) => [...within.querySelectorAll(selector)]

// An element by its tag; `given` are properties, `data-…` and `aria-…` attributes, and `on…` listeners.
export const el = function (tag, given = {}, ...children) {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || value === null || value === false) continue
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value)
    else if (name in made && !name.includes("-") && name !== "list") made[name] = value
    else made.setAttribute(name, value === true ? "" : value)
  }
  made.append(...children.filter(child => child !== null && child !== undefined && child !== false))
  return made
}

export const data = id => JSON.parse(document.getElementById(id).textContent)

// --- Messages

export const say = function (text, { error = false, action, label, after = 8000 } = {}) {
  const message = el("p", { className: error ? "error" : "", role: error ? "alert" : null }, el("span", {}, text))
  const close = () => message.remove()
  if (action) {
    message.append(el("button", { type: "button", className: "quiet small", onclick: () => { close(); action() } }, label))
  }
  message.append(el("button", { type: "button", className: "quiet small", "aria-label": "Close message", onclick: close }, "×"))
  document.getElementById("messages").append(message)
  if (!error) setTimeout(close, after)
}

export const fail = error => say(error instanceof Problem ? error.message : "The service can't be reached. Try again.", { error: true })

// Runs a handler of an event and shows its error. A button is busy meanwhile: a disabled one would lose the focus.
export const run = handler => async function (event) {
  const button = event.submitter || event.target.closest("button")
  if (button?.ariaBusy) return event.preventDefault()
  if (button) button.ariaBusy = "true"
  try {
    await handler(event)
  } catch (error) {
    fail(error)
    console.warn(error)
  } finally {
    if (button) button.ariaBusy = null
  }
}

// --- The REST API

const fetch = window.fetch.bind(window) // the dashboard replaces the global one
let renewal = null

export const renew = () => {
  renewal ||= fetch(prefix + "/api/v1/auth/refresh", { method: "POST" }).finally(() => { renewal = null })
  return renewal
}

export const signIn = function () {
  const next = location.pathname.slice(prefix.length) + location.search
  location.assign(prefix + "/sign-in?next=" + encodeURIComponent(next))
  return new Promise(() => {})
}

export const fetchSignedIn = async function (address, options = {}) {
  const answer = await fetch(address, options)
  if (answer.status !== 401) return answer
  const renewed = await renew()
  if (renewed.ok) return fetch(address, options)
  return renewed.status === 401 ? signIn() : answer
}

export const send = (path, options) => fetchSignedIn(prefix + (path.startsWith("/api/") ? path : "/api/v1" + path), options)

export const api = async function (method, path, body, headers = {}) {
  const options = { method, headers: { Accept: "application/json", ...headers } }
  if (body instanceof FormData) options.body = body
  else if (body !== undefined) {
    options.body = typeof body === "string" ? body : JSON.stringify(body)
    options.headers["Content-Type"] ||= "application/json"
  }
  const answer = await send(path, options)
  const text = await answer.text()
  const content = text && answer.headers.get("content-type")?.includes("json") ? JSON.parse(text) : text
  if (!answer.ok) throw new Problem(answer.status, content || {})
  return content
}

// --- Jobs

// Follows a job over its WebSocket until it is done, and reconnects after the last event that was received.
export const follow = function (id, onEvent, onState = () => {}) {
  let last = null, isDone = false, wait = 500
  const open = function () {
    const address = new URL(prefix + "/api/v1/jobs/" + id + "/ws" + (last === null ? "" : "?after=" + last), location)
    address.protocol = address.protocol.replace("http", "ws")
    const socket = new WebSocket(address)
    socket.onopen = () => onState("open")
    socket.onmessage = message => {
      const event = JSON.parse(message.data)
      last = event.seq
      wait = 500
      isDone = event.type === "done"
      onEvent(event)
    }
    socket.onclose = async closed => {
      if (isDone || closed.code === 1000) return
      if (closed.code === 4404) return onState("gone")
      onState("lost")
      if (closed.code === 4401) {
        const renewed = await renew().catch(() => null)
        if (renewed?.status === 401) return signIn()
      }
      setTimeout(open, wait)
      wait = Math.min(wait * 2, 10_000)
    }
  }
  open()
}

// One click: the demo's files into the library, a shootout of them, and its job.
const startDemo = run(async () => {
  const { results } = await api("POST", "/library/demo")
  const of = kind => results.filter(result => result.item?.kind === kind).map(result => result.item)
  const part = item => ({ name: item.name, asset: item.id })
  const config = {
    schema: 1,
    title: "Three voices, two cabs",
    di_tracks: of("di_track").map(part),
    grid: { captures: of("capture").map(part), cab_irs: of("cab_ir").map(part) },
  }
  const made = await api("POST", "/shootouts", { config, submit: true })
  location.assign(prefix + "/jobs/" + made.job.id)
})

// --- Parts of the page that the service renders again

// Replaces what is marked by `data-live`. Open details stay open, and the focus stays where it was or at the part.
export const refresh = async function () {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } })
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html")
  for (const part of $$("[data-live]")) {
    const newer = fresh.getElementById(part.id), focused = document.activeElement
    if (!newer) continue
    for (const each of $$("details[open][id]", part)) $("#" + each.id, newer)?.setAttribute("open", "")
    localTimes(newer)
    const hadFocus = part.contains(focused)
    part.replaceWith(newer)
    if (!hadFocus) continue
    const target = document.getElementById(focused.id) || newer
    if (target === newer) newer.tabIndex = -1
    target.focus()
  }
}

// A button with `data-send="DELETE /me/tokens/1"` sends this request, after a question (`data-ask`) if there is one.
const sendOf = run(async ({ target }) => {
  const { send: line, ask, done } = target.closest("button").dataset, [method, path] = line.split(" ")
  if (ask && !confirm(ask)) return
  await api(method, path)
  await refresh()
  if (done) say(done)
})

// --- On every page

export const localTimes = within => {
  for (const time of $$("time[datetime]", within)) {
    time.textContent = new Date(time.dateTime).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" })
  }
}

document.documentElement.dataset.script = ""
localTimes(document)
document.addEventListener("click", event => {
  if (event.target.closest("[data-send]")) sendOf(event)
  if (event.target.closest("#demo")) startDemo(event)
})
// A form that is open for longer than an access token lasts can still be sent.
setInterval(() => { if (!document.hidden) renew().catch(() => {}) }, 600_000)
