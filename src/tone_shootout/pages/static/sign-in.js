// A session whose access token has expired is renewed by its refresh token, and nobody has to sign in again.
// Once in ten seconds at most: a browser that stores no cookies would be sent to and fro for ever.
const KEY = "renewed-at"
const { prefix } = document.documentElement.dataset
const { next } = document.getElementById("renew").dataset

const renew = async function () {
  if (Date.now() - Number(sessionStorage.getItem(KEY) || 0) < 10_000) return
  const answer = await fetch(prefix + "/api/v1/auth/refresh", { method: "POST" })
  if (!answer.ok) return
  sessionStorage.setItem(KEY, String(Date.now()))
  location.replace(next)
}

renew().catch(error => console.log(error))
