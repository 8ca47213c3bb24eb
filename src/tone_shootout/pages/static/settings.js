import { $, $$, api, el, prefix, Problem, run, say } from "./app.js"

for (const each of $$("main [hidden]")) each.hidden = false

for (const button of $$("[data-delete]")) {
  button.addEventListener("click", run(async () => {
    if (!confirm("Delete " + button.dataset.what + "?")) return
    await api("DELETE", button.dataset.delete)
    location.reload()
  }))
}

for (const button of $$("[data-test]")) {
  button.addEventListener("click", run(async () => {
    await api("POST", button.dataset.test)
    say("A test message is on its way.")
  }))
}

const showSecret = (place, secret) => $(place).replaceChildren("Copy the secret now, it is not shown again: ", el("code", {}, secret))

$("#new-token").addEventListener("submit", run(async event => {
  event.preventDefault()
  const days = $("#token-days").value
  const made = await api("POST", "/me/tokens", {
    name: $("#token-name").value, scope: $("#token-scope").value, ...(days && { expires_in_days: Number(days) }),
  })
  showSecret("#token-secret", made.secret)
}))

$("#new-webhook").addEventListener("submit", run(async event => {
  event.preventDefault()
  showSecret("#webhook-secret", (await api("POST", "/webhooks", { url: $("#webhook-url").value })).secret)
}))

$("#everywhere").addEventListener("click", run(async () => {
  await api("DELETE", "/me/sessions")
  location.assign(prefix + "/sign-in?signed_out=yes")
}))

$("#delete-account").addEventListener("submit", run(async event => {
  event.preventDefault()
  const field = $("#confirm")
  if (field.value !== field.dataset.name) throw new Problem(0, { detail: "This is not your user name." })
  await api("DELETE", "/me")
  location.assign(prefix + "/sign-in")
}))
