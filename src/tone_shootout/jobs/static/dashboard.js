// Stands between SAQ's script and the service. SAQ's script reads these globals: `root_path`, `snabbdom.h`, `fetch`.
import { Problem, fetchSignedIn, prefix, signIn } from "../../static/app.js"

const root_path = globalThis.root_path = prefix + "/saq"
const output = document.getElementById("answer")
const DONE = { retry: "The job will run again.", abort: "The job is being cancelled." }
let shownJob = null

const show = function (text, isRefusal) {
  output.textContent = text
  output.dataset.refused = String(isRefusal)
  output.hidden = false
}

const asJson = body => new Response(JSON.stringify(body), { headers: { "Content-Type": "application/json" } })

window.fetch = async function (address, options) {
  const action = /\/(retry|abort)$/.exec(String(address))?.[1]
  let answer
  try {
    answer = await fetchSignedIn(address, options)
  } catch (error) {
    if (action) show("The service can't be reached. Try again.", true)
    throw error
  }
  if (answer.ok) {
    if (action) show(DONE[action], false)
    const body = await answer.json()
    if (!action) shownJob = body.job || null
    for (const job of [body.job, ...body.queue?.jobs || []]) if (job) job.kwargs = job.owner
    return asJson(body)
  }
  const { code, message } = new Problem(answer.status, await answer.json().catch(() => ({})))
  if (code === "administrator_only") return signIn()
  if (action) show(message, true)
  return asJson({ error: message }) // the form in which SAQ's script expects an error
}

// --- What is drawn

// SAQ's names of columns, and what `jobs.dashboard` and the workers fill them with.
const COLUMNS = {
  Key: "Job", Function: "Title", Args: "Owner", Completed: "Finished", Scheduled: "Waiting for another attempt",
  Complete: "Wake-ups completed", Retried: "Wake-ups repeated", Failed: "Wake-ups failed", "Uptime (s)": "Running for (s)",
}
const TASK_COLUMNS = {
  Key: "Task", Function: "Purpose", Args: "Schedule (UTC)", Queued: "Next run", Started: "Last start", Completed: "Last end",
}
const showsTasks = () => location.pathname === root_path + "/queues/scheduled-tasks"
const CONDITIONS = { Retry: "can_retry", Abort: "can_abort" }
const h = snabbdom.h

const heading = cell => h(
  "th",
  { attrs: { scope: "col" } },
  (showsTasks() && TASK_COLUMNS[cell.text]) || COLUMNS[cell.text] || cell.text,
)

const isQueueOfJob = cell => cell?.sel === "td" && cell.text === "Queue" // of all queues it is a `th`

const head = function (children) {
  const row = Array.isArray(children) ? children[0] : children
  return h("thead", [h("tr", row.children.filter(cell => !isQueueOfJob(cell)).map(heading))])
}

snabbdom.h = function (selector, ...rest) {
  const [data, children] = rest.length > 1 ? rest : [{}, rest[0]]
  if (selector === "thead") return head(children)
  if (selector === "td" && children?.data?.props?.href === "/queues/") return undefined // a link to nowhere
  if (selector === "a" && data.attrs?.role === "button") {
    if (!shownJob?.[CONDITIONS[children]]) return undefined
    return h("button", { ...data, attrs: { type: "button" } }, children)
  }
  if (selector === "a" && children?.sel === "td") {
    return h("td", showsTasks() ? children.text : h("a", data, children.text)) // a task has no page of its own
  }
  if (selector === "a" && data.props?.href === "https://saq-py.readthedocs.io") return undefined
  if (selector === "progress") return h("progress", { attrs: rest[0].props }) // as a property, 0 would not be set
  if (selector === "strong" && children === "SAQ") return h("strong", "Tone Shootout")
  if (selector === "details" && !children[1]?.text) return undefined // nothing in it
  return h(selector, ...rest)
}
