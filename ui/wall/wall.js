// The wall in the browser: tiles, selection, zoom, and acts that reach Python in their order.
const walls = new WeakMap()
const opened = new Set()
const MOVED = 6 // pixels from which a press is a drag

export default function (component) {
  const { parentElement: root, data } = component
  const wall = walls.get(root) ?? open(root)
  walls.set(root, wall)
  wall.send = component
  show(wall, data)
  // Streamlit also calls this of a call that the next one overtook, while the wall is still there.
  return () => { if (!root.isConnected) wall.close() }
}

function open(root) {
  const grid = root.querySelector(".wall")
  const wall = {
    root, grid, box: root.querySelector(".box"), zoom: root.querySelector(".zoom"),
    said: root.querySelector(".said"), tiles: new Map(), order: [], selected: new Set(),
    focus: null, anchor: null, queue: [], number: 0, stamp: null, data: {}, reminded: 0,
  }
  const onKey = (event) => key(wall, event)
  const onPaste = (event) => take(wall, event.clipboardData, event)
  const onDrop = (event) => take(wall, event.dataTransfer, event)
  const onDrag = (event) => { if (wall.data.pictures) event.preventDefault() }
  grid.addEventListener("pointerdown", (event) => press(wall, event))
  grid.addEventListener("dblclick", (event) => { const id = tileOf(event); if (id) send(wall, "open", id) })
  grid.addEventListener("focusin", (event) => { const id = tileOf(event); if (id) wall.focus = id })
  grid.addEventListener("dragover", onDrag)
  grid.addEventListener("drop", onDrop)
  wall.zoom.querySelector(".close").addEventListener("click", () => unzoom(wall))
  document.addEventListener("keydown", onKey)
  document.addEventListener("paste", onPaste)
  opened.add(wall)
  wall.close = () => {
    opened.delete(wall)
    document.removeEventListener("keydown", onKey)
    document.removeEventListener("paste", onPaste)
    clearTimeout(wall.later)
    clearTimeout(wall.again)
    walls.delete(root)
  }
  return wall
}

function show(wall, data) {
  const active = () => wall.grid.getRootNode().activeElement
  const had = wall.grid.contains(active())
  wall.data = data
  wall.grid.style.setProperty("--tile", `${data.side}px`)
  wall.queue = wall.queue.filter((act) => act.number > data.done)
  wall.number = Math.max(wall.number, data.done)
  if (wall.stamp !== data.stamp) { // another list: its selection is Python's
    wall.stamp = data.stamp
    wall.selected = new Set(data.selected)
    wall.anchor = null
    wall.focus = null // Tab comes to its first picture
  }
  const before = wall.order.indexOf(wall.focus)
  wall.order = data.tiles.map((tile) => tile.id)
  wall.reminded = 0
  remind(wall)
  const known = new Set(wall.order)
  for (const [id, element] of wall.tiles) if (!known.has(id)) { element.remove(); wall.tiles.delete(id) }
  wall.grid.querySelectorAll(".section").forEach((each) => each.remove())
  let place = 0
  let section = ""
  for (const tile of data.tiles) {
    if (tile.section !== section) {
      section = tile.section
      const heading = make("div", "section", section)
      heading.setAttribute("role", "presentation")
      wall.grid.insertBefore(heading, wall.grid.children[place++] ?? null)
    }
    let element = wall.tiles.get(tile.id)
    const said = JSON.stringify(tile)
    if (!element || element.said !== said) {
      const made = draw(tile)
      made.said = said
      element?.replaceWith(made)
      wall.tiles.set(tile.id, made)
      element = made
    }
    if (wall.grid.children[place] !== element) wall.grid.insertBefore(element, wall.grid.children[place] ?? null)
    place++
  }
  wall.selected = new Set([...wall.selected].filter((id) => known.has(id)))
  if (!known.has(wall.focus)) {
    wall.focus = wall.order[Math.max(0, Math.min(before, wall.order.length - 1))] ?? null
    if (before >= 0) focus(wall, wall.focus)
  }
  // A tile that was drawn anew has lost the focus, and keys would go nowhere.
  if (had && active() !== wall.tiles.get(wall.focus)) focus(wall, wall.focus)
  paint(wall)
}

function draw(tile) {
  const element = make("div", "tile")
  element.setAttribute("role", "option")
  element.setAttribute("aria-label", tile.alt)
  element.dataset.id = tile.id
  element.tabIndex = -1 // else it could not take the focus before it is painted
  element.title = tile.title
  const frame = make("div", "frame")
  const image = make("img")
  Object.assign(image, { loading: "lazy", decoding: "async", alt: tile.alt, draggable: false })
  image.addEventListener("error", () => frame.classList.add("broken"))
  image.src = `/thumb/${encodeURIComponent(tile.id)}`
  frame.append(image, make("span", "tick", "✓"))
  const text = make("div", "text")
  text.append(make("span", `name ${tile.who}${tile.italic ? " italic" : ""}`, tile.name))
  for (const line of tile.lines) text.append(make("p", "more", line))
  element.append(frame, text)
  return element
}

function make(tag, name = "", text = "") {
  const element = document.createElement(tag)
  if (name) element.className = name
  if (text) element.textContent = text
  return element
}

function paint(wall) {
  const gone = goneOf(wall)
  for (const [id, element] of wall.tiles) {
    element.setAttribute("aria-selected", wall.selected.has(id))
    element.tabIndex = id === (wall.focus ?? wall.order[0]) ? 0 : -1
    element.classList.toggle("leaving", gone.has(id))
  }
}

function focus(wall, id) {
  const element = wall.tiles.get(id)
  if (!element) return
  wall.focus = id
  element.focus({ preventScroll: true })
  element.scrollIntoView({ block: "nearest" })
}

// --- selection ---

const tileOf = (event) => event.target.closest?.(".tile")?.dataset.id

function select(wall, ids) {
  wall.selected = new Set(ids)
  wall.said.textContent = `${wall.selected.size} selected`
  paint(wall)
  clearTimeout(wall.later)
  wall.later = setTimeout(() => wall.send.setStateValue("selected", [...wall.selected]), 200)
}

const between = (wall, one, other) => {
  const [a, b] = [wall.order.indexOf(one), wall.order.indexOf(other)].sort((x, y) => x - y)
  return wall.order.slice(Math.max(a, 0), b + 1)
}

function choose(wall, id, event, touch) {
  if (event.shiftKey && wall.anchor) return select(wall, [...(event.ctrlKey ? wall.selected : []), ...between(wall, wall.anchor, id)])
  wall.anchor = id
  if (event.ctrlKey || event.metaKey || touch) {
    const chosen = new Set(wall.selected)
    if (!chosen.delete(id)) chosen.add(id)
    return select(wall, chosen)
  }
  select(wall, wall.selected.size === 1 && wall.selected.has(id) ? [] : [id])
}

function press(wall, event) {
  if (event.button !== 0) return
  const start = { x: event.clientX, y: event.clientY }
  const id = tileOf(event)
  const touch = event.pointerType === "touch"
  const kept = event.ctrlKey || event.shiftKey ? [...wall.selected] : []
  let dragged = false
  const move = (now) => {
    if (Math.hypot(now.clientX - start.x, now.clientY - start.y) < MOVED && !dragged) return
    dragged = true
    if (touch) return
    const [left, right] = [start.x, now.clientX].sort((a, b) => a - b)
    const [top, bottom] = [start.y, now.clientY].sort((a, b) => a - b)
    Object.assign(wall.box.style, { left: `${left}px`, top: `${top}px`, width: `${right - left}px`, height: `${bottom - top}px` })
    wall.box.hidden = false
    select(wall, [...kept, ...wall.order.filter((each) => {
      const place = wall.tiles.get(each).getBoundingClientRect()
      return place.left < right && place.right > left && place.top < bottom && place.bottom > top
    })])
  }
  const end = (now) => {
    window.removeEventListener("pointermove", move)
    window.removeEventListener("pointerup", end)
    window.removeEventListener("pointercancel", end)
    wall.box.hidden = true
    if (dragged || now.type === "pointercancel") return
    if (id) { focus(wall, id); choose(wall, id, event, touch) } else select(wall, [])
  }
  window.addEventListener("pointermove", move)
  window.addEventListener("pointerup", end)
  window.addEventListener("pointercancel", end)
}

// --- keyboard ---

function key(wall, event) {
  const path = event.composedPath()
  const inside = path.includes(wall.root) || path.includes(wall.grid)
  const nowhere = document.activeElement === document.body && [...opened].at(-1) === wall
  if (!(inside || nowhere) || event.altKey || !wall.order.length) return
  if (!wall.zoom.hidden) return zoomed(wall, event)
  const place = Math.max(0, wall.order.indexOf(wall.focus))
  const columns = getComputedStyle(wall.grid).gridTemplateColumns.split(" ").length
  const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns, Home: -place, End: wall.order.length }
  if (event.key in steps) {
    event.preventDefault()
    const next = wall.order[Math.max(0, Math.min(wall.order.length - 1, place + steps[event.key]))]
    wall.anchor ??= wall.focus ?? next
    focus(wall, next)
    if (event.shiftKey) select(wall, between(wall, wall.anchor, next))
    else { if (!event.ctrlKey) wall.anchor = next; paint(wall) }
  } else if (event.key === " ") { event.preventDefault(); zoom(wall, wall.focus ?? wall.order[0]) }
  else if (event.key === "Enter") { event.preventDefault(); send(wall, "open", wall.focus ?? wall.order[0]) }
  else if (event.key === "Escape") select(wall, [])
  else if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "a") { event.preventDefault(); select(wall, wall.order) }
  else if (event.key === "a" && !event.ctrlKey && !event.metaKey) select(wall, cohort(wall))
  else if (event.key.toLowerCase() === "x" && !event.ctrlKey && !event.metaKey) choose(wall, wall.focus ?? wall.order[0], { ctrlKey: true })
  else if (!event.ctrlKey && !event.metaKey && wall.data.keys.includes(event.key)) { event.preventDefault(); act(wall, event.key) }
}

// The pictures under the same heading as the one that has the focus.
function cohort(wall) {
  const of = new Map(wall.data.tiles.map((tile) => [tile.id, tile.section]))
  const gone = goneOf(wall)
  return wall.order.filter((id) => of.get(id) === of.get(wall.focus ?? wall.order[0]) && !gone.has(id))
}

// The pictures that an act takes away which the list does not know of yet.
function goneOf(wall) {
  return new Set(wall.queue.filter((act) => wall.data.leave.includes(act.key)).flatMap((act) => act.ids))
}

// An act stays queued until Python says that it is done, so that none is lost while a run lasts; its
// pictures stay away as long.
function act(wall, pressed) {
  const before = goneOf(wall)
  const ids = [...wall.selected].filter((id) => !before.has(id))
  const about = ids.length ? ids : wall.order.filter((id) => id === wall.focus && !before.has(id))
  if (!about.length && wall.data.leave.includes(pressed)) return
  wall.queue.push({ number: ++wall.number, key: pressed, ids: about })
  if (wall.data.leave.includes(pressed)) {
    const place = wall.order.indexOf(wall.focus)
    const gone = goneOf(wall)
    const stays = (id) => !gone.has(id)
    const next = wall.order.slice(place + 1).find(stays) ?? wall.order.slice(0, Math.max(place, 0)).findLast(stays)
    wall.selected = new Set()
    if (next) focus(wall, next)
  }
  paint(wall)
  wall.send.setTriggerValue("acts", wall.queue)
  wall.reminded = 0
  remind(wall)
}

// Streamlit drops a run that the next one overtakes, and with it an act, or the list after it: an
// act is said again until a list comes that knows of it.
function remind(wall) {
  clearTimeout(wall.again)
  if (!wall.queue.length) return
  wall.again = setTimeout(() => {
    wall.send.setTriggerValue("acts", wall.queue)
    remind(wall)
  }, 500 * 2 ** Math.min(wall.reminded++, 4))
}

// A selection that came a moment later would start a run that closes what this one opens.
function send(wall, name, value) {
  clearTimeout(wall.later)
  wall.send.setStateValue("selected", [...wall.selected])
  wall.send.setTriggerValue(name, value)
}

function zoom(wall, id) {
  const tile = wall.data.tiles.find((each) => each.id === id)
  if (!tile) return
  const image = wall.zoom.querySelector("img")
  image.onerror = () => { image.onerror = null; image.src = `/thumb/${encodeURIComponent(id)}` }
  image.src = `/original/${encodeURIComponent(id)}`
  image.alt = tile.alt
  wall.zoom.querySelector("p").textContent = [tile.name, ...tile.lines].join(" · ")
  wall.zoom.hidden = false
  wall.focus = id
  wall.zoom.querySelector(".close").focus()
}

function unzoom(wall) {
  wall.zoom.hidden = true
  focus(wall, wall.focus)
}

function zoomed(wall, event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
  if ([" ", "Escape", "Enter"].includes(event.key)) { event.preventDefault(); unzoom(wall) }
  else if (step) zoom(wall, wall.order[wall.order.indexOf(wall.focus) + step] ?? wall.focus)
  else if (event.key === "Tab") event.preventDefault()
}

// --- pictures that are dropped or pasted ---

async function take(wall, from, event) {
  const file = [...(from?.files ?? [])].find((each) => each.type.startsWith("image/"))
  if (!wall.data.pictures || !file) return
  event.preventDefault()
  const reader = new FileReader()
  reader.onload = () => send(wall, "picture", { name: file.name, data: String(reader.result).split(",")[1] })
  reader.readAsDataURL(file)
}
