// Tells the server whether the visitor's window is narrow, and keeps the Back button alive: see window.py.
const narrow = matchMedia("(max-width: 768px)")   // where Streamlit lays the sidebar over the page

// Streamlit makes a new entry of the browser's history for every change of the address. A turned slider made dozens,
// and Back went through them one by one without anything to be seen. Here an entry stands for a page.
function oneEntryForEachPage() {
  if (history.pushesPages) return
  history.pushesPages = true
  const push = history.pushState
  history.pushState = function (state, title, url) {
    if (new URL(url, location).pathname === location.pathname) this.replaceState(this.state, title, url)
    else push.call(this, state, title, url)
  }
  // A page that puts something into its address at once has done so before we came; only the browser's own has no state.
  const [arrival] = performance.getEntriesByType("navigation")
  const still = arrival?.type === "navigate" && new URL(arrival.name).pathname === location.pathname
  if (still && history.state !== null) history.back()
}

export default function ({ data, setStateValue }) {
  oneEntryForEachPage()
  const tell = () => { if (narrow.matches !== data.narrow) setStateValue("narrow", narrow.matches) }
  tell()
  narrow.addEventListener("change", tell)
  return () => narrow.removeEventListener("change", tell)
}
