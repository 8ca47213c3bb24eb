import { $, api, el, prefix, Problem, refresh, run } from "./app.js"

const showSecret = function (place, secret) {
  $(place).replaceChildren("Copy the secret now, it is not shown again: ", el("code", {}, secret))
  return refresh()
}

$("#new-token").addEventListener("submit", run(async event => {
  event.preventDefault()
  const days = $("#token-days").value
  const made = await api("POST", "/me/tokens", {
    name: $("#token-name").value, scope: $("#token-scope").value, ...(days && { expires_in_days: Number(days) }),
  })
  await showSecret("#token-secret", made.secret)
}))

$("#new-webhook").addEventListener("submit", run(async event => {
  event.preventDefault()
  await showSecret("#webhook-secret", (await api("POST", "/webhooks", { url: $("#webhook-url").value })).secret)
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
