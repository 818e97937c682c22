// Draws a plotly figure and keeps it: a changed figure is drawn into the old one, so that nothing flashes, a zoom stays,
// and a click on any pixel tells where it was. st.plotly_chart makes a new chart for each change and hears no click on a
// heat map.
let library
const TURN_MS = 800  // how long each of two pictures is shown in turns: far slower than the 3 flashes a second that harm

function plotly(path) {
  library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script")
    script.src = new URL(path, document.baseURI).href
    script.onload = () => resolve(window.Plotly)
    script.onerror = () => {
      library = undefined
      reject(new Error("The drawing library could not be loaded. Reload the page."))
    }
    document.head.append(script)
  })
  return library
}

// On a narrow screen, and under a finger, which never leaves a picture, the buttons would lie over its title.
const narrow = matchMedia("(max-width: 768px), (hover: none)")

// The picture fills the width it is given, and is no higher than asked for.
function fit(layout, width, height, aspect) {
  const { l, r, t, b } = layout.margin
  const inner = Math.max(60, Math.min(width - l - r, (height - t - b) / aspect))
  return { width: Math.round(inner + l + r), height: Math.round(inner * aspect + t + b) }
}

// The words under the cursor are see-through: on a small picture they lie over just what it points at.
function thin(box) {
  for (const ground of box.querySelectorAll(".hoverlayer .hovertext path")) ground.style.fillOpacity = 0.45
}

function draw(Plotly, box) {
  const { figure, height, aspect, setTriggerValue, clickable } = box.wanted
  const style = getComputedStyle(box)
  const size = aspect ? fit(figure.layout, box.clientWidth, height, aspect) : { width: box.clientWidth, height }
  box.shownWidth = box.clientWidth
  const layout = {
    ...figure.layout, ...size,
    font: { color: style.getPropertyValue("--st-text-color").trim() || style.color, family: style.fontFamily },
  }
  const config = {
    displaylogo: false,
    displayModeBar: narrow.matches ? false : "hover",
    modeBarButtons: [["zoom2d", "pan2d", "resetScale2d", "toImage"]],
    toImageButtonOptions: { scale: 2 },
  }
  Plotly.react(box, figure.data, layout, config)
  box.style.minHeight = ""
  box.style.cursor = clickable ? "crosshair" : ""
  if (aspect && !box.thins) {
    box.thins = true
    box.on("plotly_hover", () => thin(box))
  }
  if (clickable && !box.listens) {
    box.listens = true
    box.on("plotly_click", (event) => {
      const point = event.points.find((each) => each.data.type === "heatmap")
      if (point && box.wanted.clickable) box.wanted.setTriggerValue("click", { x: point.x, y: point.y })
    })
  }
}

// A figure and its twin in turns, until another figure comes or the picture leaves the page.
function alternate(Plotly, box) {
  clearInterval(box.turns)
  if (!box.wanted.twin) return
  box.turns = setInterval(() => {
    if (!box.isConnected) return clearInterval(box.turns)
    const { figure, twin } = box.wanted
    Object.assign(box.wanted, { figure: twin, twin: figure })
    draw(Plotly, box)
  }, TURN_MS)
}

export default function ({ data, parentElement, setTriggerValue }) {
  const box = parentElement.querySelector(".picture")
  box.wanted = { ...data, figure: JSON.parse(data.figure), twin: data.twin && JSON.parse(data.twin), setTriggerValue }
  box.setAttribute("role", "figure")    // not img: a picture has buttons, which keys reach
  box.setAttribute("aria-label", data.alt)
  const ready = (Plotly) => {
    if (!box.isConnected) return
    draw(Plotly, box)
    alternate(Plotly, box)
    if (!box.observer) {
      box.observer = new ResizeObserver(() => {
        if (box.clientWidth && box.clientWidth !== box.shownWidth) draw(Plotly, box)
      })
      box.observer.observe(box)
    }
  }
  if (window.Plotly) {
    // The first picture of a page is drawn at once, the others when it has been painted.
    if (data.later) requestAnimationFrame(() => setTimeout(() => ready(window.Plotly)))
    else ready(window.Plotly)
  } else {
    box.style.minHeight ||= `${Math.min(data.height, box.clientWidth || data.height)}px`
    plotly(data.library).then(ready, (error) => { box.textContent = error.message })
  }
  // Streamlit also calls this when a newer figure overtakes this one: clear up only what has left the page.
  return () => setTimeout(() => {
    if (box.isConnected) return
    box.observer?.disconnect()
    window.Plotly?.purge(box)
  })
}
