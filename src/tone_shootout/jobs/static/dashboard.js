// Stands between SAQ's script and the service. SAQ's script reads these globals: `root_path`, `snabbdom.h`, `fetch`.
"use strict"

const prefix = document.body.dataset.prefix
const root_path = prefix + "/saq"

{
  const output = document.getElementById("answer")
  const send = window.fetch.bind(window)
  let shownJob = null
  let renewal = null

  // --- Sessions -------------------------------------------------------------------------------------------------

  const signIn = function () {
    location.assign(prefix + "/sign-in?next=" + encodeURIComponent(location.pathname.slice(prefix.length) + location.search))
    return new Promise(() => {}) // SAQ's script has nothing to draw any more
  }

  const renew = async function () {
    const answer = await send(prefix + "/api/v1/auth/refresh", { method: "POST" })
    return answer.ok ? "renewed" : answer.status === 401 ? "ended" : "unavailable"
  }

  // Several requests share one renewal. A session that can't be renewed now may be in two seconds.
  const sendSignedIn = async function (address, options) {
    const answer = await send(address, options)
    if (answer.status !== 401) return answer
    renewal ||= renew().finally(() => { renewal = null })
    const outcome = await renewal
    if (outcome === "unavailable") return answer
    const second = outcome === "renewed" ? await send(address, options) : answer
    return second.status === 401 ? signIn() : second
  }

  // --- Answers --------------------------------------------------------------------------------------------------

  const DONE = { retry: "The job will run again.", abort: "The job is being cancelled." }

  const show = function (text, isRefusal) {
    output.textContent = text
    output.dataset.refused = String(isRefusal)
    output.hidden = false
  }

  const problemOf = async function (answer) {
    const unknown = { detail: "The service answered with status " + answer.status + "." }
    try {
      return { ...unknown, ...await answer.json() }
    } catch {
      return unknown
    }
  }

  const asJson = body => new Response(JSON.stringify(body), { headers: { "Content-Type": "application/json" } })

  window.fetch = async function (address, options = {}) {
    const action = /\/(retry|abort)$/.exec(String(address))?.[1]
    let answer
    try {
      answer = await sendSignedIn(address, options)
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
    const problem = await problemOf(answer)
    if (problem.code === "administrator_only") return signIn()
    if (action) show(problem.detail, true)
    return asJson({ error: problem.detail }) // the form in which SAQ's script expects an error
  }

  // --- What is drawn --------------------------------------------------------------------------------------------

  // SAQ's names of columns, and what `jobs.dashboard` and the workers fill them with.
  const COLUMNS = new Map([
    ["Key", "Job"],
    ["Function", "Title"],
    ["Args", "Owner"],
    ["Completed", "Finished"],
    ["Scheduled", "Waiting for another attempt"],
    ["Complete", "Wake-ups completed"],
    ["Retried", "Wake-ups repeated"],
    ["Failed", "Wake-ups failed"],
    ["Uptime (s)", "Running for (s)"],
  ])
  const TASK_COLUMNS = new Map([
    ["Key", "Task"],
    ["Function", "Purpose"],
    ["Args", "Schedule (UTC)"],
    ["Queued", "Next run"],
    ["Started", "Last start"],
    ["Completed", "Last end"],
  ])
  const showsTasks = () => location.pathname === root_path + "/queues/scheduled-tasks"
  const CONDITIONS = new Map([["Retry", "can_retry"], ["Abort", "can_abort"]])
  const h = snabbdom.h

  const heading = cell => h(
    "th",
    { attrs: { scope: "col" } },
    (showsTasks() && TASK_COLUMNS.get(cell.text)) || COLUMNS.get(cell.text) || cell.text,
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
      if (!shownJob?.[CONDITIONS.get(children)]) return undefined
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
}
